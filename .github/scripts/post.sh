#!/usr/bin/env bash
# Put a comment on the open pull request whose head is a commit, or renew the one that is there: post.sh REPOSITORY COMMIT FILE
set -euo pipefail
repository=$1 commit=$2 file=$3

number=$(gh pr list --repo "$repository" --state open --limit 500 --json number,headRefOid \
  --jq ".[] | select(.headRefOid == \"$commit\") | .number" | head -n 1)
if [ -z "$number" ]; then
  echo "no open pull request has $commit as its head: it was closed or went on meanwhile" >&2
  exit 0
fi
mark=$(head -n 1 "$file")
comment=$(gh api --paginate "repos/$repository/issues/$number/comments" \
  --jq ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$mark\"))) | .id" | head -n 1)
if [ -n "$comment" ]; then
  gh api --method PATCH "repos/$repository/issues/comments/$comment" -F "body=@$file" >/dev/null
else
  gh api --method POST "repos/$repository/issues/$number/comments" -F "body=@$file" >/dev/null
fi
