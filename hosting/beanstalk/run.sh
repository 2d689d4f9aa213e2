# What Beanstalk starts, and starts again when it ends. nginx, on the same machine, is its only client.
set -eu
cd "$(dirname "$0")"
set -a
. ./settings.env
set +a
export PYTHONDONTWRITEBYTECODE=1
exec python3 -m foreverus.serve --host 127.0.0.1 --port 8000 --https-only "$@"
