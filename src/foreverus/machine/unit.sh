#!/bin/bash
# Says how a unit is, for the worker (foreverus/worker/units.py):
#   unit.sh NAME WORD     working, ready or prepared
#   unit.sh NAME ended    from ExecStopPost: how it ended, and its last lines
set -euo pipefail
name=$1 word=$2 directory=${MACHINE_DIR:-/run/foreverus}
mkdir -p "$directory"
new=$(mktemp "$directory/.$name.XXXXXX")
if [ "$word" = ended ]; then
  status=${EXIT_STATUS:-}
  [[ $status =~ ^[0-9]+$ ]] || status=$((128 + $(kill -l "$status" 2> /dev/null || echo 0))) # a signal by its name
  {
    echo "failed $status"
    journalctl --unit "foreverus-$name.service" --boot --lines 40 --output cat --no-pager || true
  } > "$new"
else
  echo "$word" > "$new"
fi
chmod 0644 "$new"
mv "$new" "$directory/$name" # in one step: whoever reads sees all of it or what was there before
