#!/usr/bin/env bash
# In a checkout of main, review the records of a commit as data and write the comment: review.sh COMMIT FOUND OUT.md [WHERE]
# Of the commit, only the blobs under results/ are written to disk; nothing else of it is checked out.
set -euo pipefail
commit=$1 found=$2 out=$3 where=${4:-hosted}
cd "$(git rev-parse --show-toplevel)"

if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then git fetch --quiet --no-tags origin "$commit"; fi
base=$(git merge-base HEAD "$commit")
rm -rf results
python .github/scripts/blobs.py "$commit" results
python .github/scripts/comment.py "$found" results "$base" "$out" "$where"
