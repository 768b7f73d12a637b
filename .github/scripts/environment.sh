#!/usr/bin/env bash
# The exact environment of the published results, in .venv: the install of the README's second command. `environment.sh gpu` adds what
# JAX and the reading of energy need on an NVIDIA GPU.
set -euo pipefail
cd "$(dirname "$0")/../.."
install=$(grep -m1 'python -m pytest$' README.md)
python3 -m venv --upgrade-deps .venv
bash -euo pipefail -c "${install%% && .venv/bin/python -m pytest}"
if [ "${1:-}" = gpu ]; then .venv/bin/pip install -q -c constraints.txt -e '.[all,gpu,test]'; fi
if [ -n "${GITHUB_PATH:-}" ]; then echo "$PWD/.venv/bin" >>"$GITHUB_PATH"; fi
