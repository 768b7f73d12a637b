#!/usr/bin/env bash
# Commit one file and push it, on top of what others pushed meanwhile: push.sh FILE MESSAGE
# Does nothing if there is no such file or if it has not changed.
set -euo pipefail
file=$1 message=$2
export GIT_AUTHOR_NAME='sciml-bench nightly' GIT_AUTHOR_EMAIL='nightly@users.noreply.github.com'
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
[ -e "$file" ] || exit 0
git add -- "$file"
if git diff --cached --quiet; then exit 0; fi
git commit --quiet -m "$message"
for _ in 1 2 3; do
  if git push --quiet origin HEAD:main; then exit 0; fi
  git pull --quiet --rebase origin main
done
echo "the commit could not be pushed in three attempts; the night's findings are kept as the run's artifact" >&2
exit 1
