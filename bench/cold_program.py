"""A cold start in an interpreter of its own, until the first call of AWS: `bench.cold_start` runs it, with the deployed
package on the path. Arguments: a handler's name and a sample event's file. Prints milliseconds as JSON.
"""

import time

begun, cpu = time.perf_counter(), time.process_time()

import importlib  # noqa: E402  # the clocks come first
import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from types import SimpleNamespace  # noqa: E402


class Reached(BaseException):
    """The first call. No handler catches it."""


def stop(*_: object, **__: object) -> None:
    raise Reached


def milliseconds() -> tuple[float, float]:
    return 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - cpu)


name, event = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
module = importlib.import_module(f"foreverus.handlers.{name}")
function = getattr(module, "handler", None) or importlib.import_module("bench.cold_web").handler(module)
imported = milliseconds()
endpoint = importlib.import_module("botocore.endpoint")
endpoint.Endpoint.make_request = stop
reached = False
try:
    function(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000, function_name="bench"))
except Reached:
    reached = True
except Exception as err:
    print(f"{name} raised {err!r}", file=sys.stderr)
built = milliseconds()
print(json.dumps({"import": imported, "whole": built, "reached": reached}))
