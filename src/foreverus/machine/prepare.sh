#!/bin/bash
# What must be on the machine before the engine can start. Each step looks whether it is done already: on a machine
# image that was baked it is, and the worker shows "prepared" instead of "downloading".
#   prepare.sh image      the engine's container image
#   prepare.sh weights    the model's weights, where the data bucket has them (foreverus/worker/weights); always succeeds
#   prepare.sh engine     what the engine's container stands in: its network and the folders that it may write
#   prepare.sh hub        the model's weights from the hub, where the bucket had none
set -euo pipefail
unit=$(dirname "$0")/unit.sh
python=${PYTHON:-/opt/foreverus/venv/bin/python} weights=${WEIGHTS_DIR:-/opt/foreverus/weights}
compiled=${COMPILED_DIR:-/opt/foreverus/compiled}
user=2000 # of the containers: `vllm` in the image
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
  local word
  [ -e "$weights/kept/ready.json" ] || bash "$unit" weights working
  word=$("$python" -m foreverus.worker.weights fetch) || word=ready # the engine takes them from the hub
  bash "$unit" weights "$word"
}

# The machine reaches the container on an internal network, which has no way out and no names; nothing comes from there to
# the machine either, but answers.
engine() {
  docker network inspect foreverus-engine > /dev/null 2>&1 ||
    docker network create --internal --subnet 172.30.0.0/28 --opt com.docker.network.bridge.name=foreverus0 foreverus-engine
  iptables --insert INPUT --in-interface foreverus0 --match conntrack --ctstate NEW --jump DROP ||
    echo "the engine's container may call the machine"
  mkdir -p "$weights/hub" "$compiled"
  chown -R "$user" "$weights/hub" "$compiled"
}

# In a container of its own, which has a network and no GPU. Only the kinds of files that a machine keeps.
hub() {
  [ "$MODEL_SOURCE" = "$MODEL_REPOSITORY" ] || return 0 # they are in a folder already
  local attempt patterns download='
import sys
from huggingface_hub import snapshot_download
repository, revision, patterns = sys.argv[1:]
snapshot_download(repository, revision=revision, allow_patterns=patterns.split(), ignore_patterns=["consolidated*", "original/*"])'
  patterns=$("$python" -m foreverus.worker.weights patterns)
  for ((attempt = 1; attempt <= 3; attempt++)); do
    if docker run --rm --pull never \
      --user "$user" --cap-drop ALL --security-opt no-new-privileges --read-only --pids-limit 512 \
      --tmpfs /tmp:rw,nosuid,nodev,size=1g --volume "$weights/hub:/weights/hub" \
      --env HOME=/tmp --env USER=vllm --env HF_HOME=/weights/hub/.home --env HF_HUB_CACHE=/weights/hub \
      --env HF_HUB_DISABLE_TELEMETRY=1 --env HF_HUB_DISABLE_PROGRESS_BARS=1 --log-driver none \
      --entrypoint python3 "$ENGINE_IMAGE" -c "$download" "$MODEL_REPOSITORY" "$MODEL_REVISION" "$patterns"; then
      "$python" -m foreverus.worker.weights settle
      return 0
    fi
    [ "$attempt" = 3 ] || sleep "$((attempt * 3))"
  done
  return 1
}

case $1 in
  image) image ;;
  weights) weights ;;
  engine) engine ;;
  hub) hub ;;
  *) echo "no such step: $1" >&2 && exit 2 ;;
esac
