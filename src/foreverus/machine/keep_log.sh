#!/bin/bash
# The last lines of the machine's log go to CloudWatch Logs, under the session's id, before the machine goes. Best effort,
# once in a machine's life, LIMIT_S at most: nobody's end waits longer for it. Always succeeds.
#   keep_log.sh          keeps the log
#   keep_log.sh send     its part that may take time
set -uo pipefail
run=${MACHINE_DIR:-/run/foreverus} settings=${SETTINGS_DIR:-/etc/foreverus}
lines=200 # of each unit

send() {
  local unit package python=/opt/foreverus/venv/bin/python
  package=$(dirname "$(dirname "$(dirname "$0")")")
  [ -x "$python" ] || python=python3 # the machine's own: what could not be installed is not needed
  set -a # what follows is for the program
  # shellcheck disable=SC1091
  . "$settings/worker.env"
  # shellcheck disable=SC1091
  . "$settings/machine.env"
  for unit in foreverus-engine foreverus-worker foreverus-image foreverus-weights cloud-final; do
    journalctl --unit "$unit.service" --boot --lines "$lines" --output json --no-pager
  done | PYTHONPATH=$package "$python" -m foreverus.worker.last_log "$MACHINE_LOG_GROUP"
}

if [ "${1:-}" = send ]; then
  send
else
  mkdir -p "$run"
  mkdir "$run/log-kept" 2> /dev/null || exit 0 # in one step: whoever makes it, keeps the log
  timeout --kill-after 1 "${LIMIT_S:-5}" bash "$0" send || true
fi
