#!/usr/bin/env bash
# Commit one file and push it, on top of what others pushed meanwhile; does nothing if it has not changed: push.sh FILE MESSAGE
set -euo pipefail
file=$1 message=$2
git add -- "$file"
if git diff --cached --quiet; then exit 0; fi
git -c user.name='sciml-bench nightly' -c user.email='nightly@users.noreply.github.com' commit --quiet -m "$message"
for _ in 1 2 3; do
  if git push --quiet origin HEAD:main; then exit 0; fi
  git pull --quiet --rebase origin main
done
echo "the commit could not be pushed in three attempts; the night's findings are kept as the run's artifact" >&2
exit 1
