#!/bin/bash
# Starts the engine and the worker. User data has fetched this package and runs this script; when it fails, user data
# switches the machine off.
set -euo pipefail
files=$(dirname "$0")

retry() {
  local attempt
  for attempt in 1 2 3 4 5 6; do
    "$@" && return 0
    sleep "$((attempt * 2))"
  done
  return 1
}

make_environment() {
  python3 -m venv /opt/foreverus/venv && return 0
  apt-get update --quiet && apt-get install --quiet --yes python3-venv && python3 -m venv /opt/foreverus/venv
}

purpose() { # the instance's own tag; nothing where the metadata service does not say
  local service=http://169.254.169.254/latest token
  token=$(curl --fail --silent --max-time 5 --request PUT --header "X-aws-ec2-metadata-token-ttl-seconds: 60" $service/api/token) || return 0
  curl --fail --silent --max-time 5 --header "X-aws-ec2-metadata-token: $token" $service/meta-data/tags/instance/foreverus:purpose || true
}

engine=/etc/foreverus/engine.env baked=/opt/foreverus/baked
if [ "$(purpose)" = bake ]; then # its volume becomes the image that later machines start from
  mkdir -p /opt/foreverus/weights
  cp "$engine" "$baked"
elif cmp --silent "$engine" "$baked"; then # such a machine: what this stack's engine needs is on the volume
  echo "starts from a baked image"
else # the base image, or one that was baked for another engine or model
  rm -rf "$baked" /opt/foreverus/weights
  bash "$files/disks.sh" || true
fi
cp "$files"/*.service /etc/systemd/system/
systemctl daemon-reload
mkdir -p /run/foreverus
systemctl start foreverus-log.service
# Way 5 runs no unit's stop: the log of a machine that is older than any session is kept before that comes.
oldest=$(sed -n 's/^MAX_SESSION_SECONDS=//p' /etc/foreverus/worker.env)
systemd-run --quiet --on-active="${oldest}s" /bin/bash "$files/keep_log.sh" || true
systemctl start --no-block foreverus-image.service # minutes, beside the worker's seconds
retry make_environment
retry /opt/foreverus/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
  --no-deps --requirement /opt/foreverus/package/requirements/worker.lock
systemctl start foreverus-worker.service # and with it the engine, once image and weights are there
