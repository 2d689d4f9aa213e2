#!/bin/bash
# What must be on the machine before the engine can start. Each step looks whether it is done already: on a machine
# image that was baked it is, and the worker shows "prepared" instead of "downloading".
#   prepare.sh image      the engine's container image
#   prepare.sh weights    the model's weights, where the data bucket has them (foreverus/worker/weights); always succeeds
set -euo pipefail
unit=$(dirname "$0")/unit.sh
tries=5
# No later try and no other machine finds what the registry does not have.
hopeless='manifest unknown|not found|no matching manifest|invalid reference|access denied|access to the resource is denied|insufficient_scope'

image() {
  if docker image inspect "$ENGINE_IMAGE" > /dev/null 2>&1; then
    echo "the image is here"
    bash "$unit" image prepared
    return 0
  fi
  bash "$unit" image working
  local attempt said
  for ((attempt = 1; attempt <= tries; attempt++)); do
    if said=$(docker pull --quiet "$ENGINE_IMAGE" 2>&1); then
      bash "$unit" image ready
      return 0
    fi
    echo "pull $attempt of $tries: $said"
    ! [[ $said =~ $hopeless ]] || return 1
    [ "$attempt" = "$tries" ] || sleep "$((attempt * 3))"
  done
  return 1
}

weights() {
  local word python=${PYTHON:-/opt/foreverus/venv/bin/python}
  [ -e "${WEIGHTS_DIR:-/opt/foreverus/weights}/kept/ready.json" ] || bash "$unit" weights working
  word=$("$python" -m foreverus.worker.weights fetch) || word=ready # the engine takes them from the hub
  bash "$unit" weights "$word"
}

case $1 in
  image) image ;;
  weights) weights ;;
  *) echo "no such step: $1" >&2 && exit 2 ;;
esac
