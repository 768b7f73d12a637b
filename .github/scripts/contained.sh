#!/usr/bin/env bash
# Run the suite's checks on a contributed checkout, in a container without network, secrets or a way to change the checkout:
#   contained.sh CHECKOUT OUT BASE        CHECKOUT: where the branch is; OUT: an empty folder; BASE: the commit to compare with
# IMAGE (default sciml-bench:main) has main's dependencies; GPUS (default all) may be empty; MINUTES (default 120) is the limit.
set -euo pipefail
checkout=$(realpath "$1") out=$(realpath "$2") base=$3

image=${IMAGE:-sciml-bench:main}
if ! docker image inspect "$image" >/dev/null 2>&1; then
  echo "there is no image '$image' on this machine: the nightly workflow builds it, so start that first" >&2
  exit 2
fi

# The limit ends docker's client alone, and not a container that does not listen.
name=sciml-bench-$$-$(date +%s)
trap 'docker kill "$name" >/dev/null 2>&1 || true' EXIT

gpus=()
if [ -n "${GPUS-all}" ]; then gpus=(--gpus "${GPUS-all}"); fi
timeout --kill-after=60 "${MINUTES:-120}m" docker run --rm --init --name "$name" "${gpus[@]}" \
  --pull never --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
  --user "$(id -u):$(id -g)" --pids-limit 4096 --memory "${MEMORY:-48g}" --shm-size 8g \
  --tmpfs /tmp:rw,exec,size=32g --env HOME=/tmp --env SCIML_BENCH_CACHE=/tmp/cache --env PYTHONPATH=/checkout/harness \
  --env GIT_CONFIG_COUNT=1 --env GIT_CONFIG_KEY_0=safe.directory --env GIT_CONFIG_VALUE_0=/checkout \
  --volume "$checkout:/checkout:ro" --volume "$out:/out:rw" --workdir /checkout \
  "$image" python .github/scripts/pull_request.py "$base" /out
