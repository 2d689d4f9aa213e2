"""`python -m foreverus.worker.weights fetch` before the engine starts: prints `prepared` or `ready`.
`python -m foreverus.worker.weights patterns`: which of the hub's files a machine takes.
`python -m foreverus.worker.weights settle` when they are here: checks them and tells the engine.
`python -m foreverus.worker.weights keep` beside a session: fills the bucket where nobody has yet.

MODEL_REPOSITORY, MODEL_REVISION, DATA_BUCKET, MACHINE_DIR, ENGINE_URL and AWS_DEFAULT_REGION come from the environment
files that user data writes.
"""

import logging
import os
import sys
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

from foreverus import logs
from foreverus.aws.large_objects import PARTS_AT_ONCE, LargeObjects
from foreverus.worker.weights.fetch import FILES_AT_ONCE, fetch
from foreverus.worker.weights.hub import names_of, settle
from foreverus.worker.weights.keep import keep, wait_for_engine
from foreverus.worker.weights.manifest import KINDS, ModelSource
from foreverus.worker.weights.places import WeightPlaces

WEIGHTS = "/opt/foreverus/weights"


def make_objects(bucket: str) -> LargeObjects:
    config = Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 4},
        max_pool_connections=FILES_AT_ONCE * PARTS_AT_ONCE,
        s3={"us_east_1_regional_endpoint": "regional"},  # the Region's own host, which the VPC's endpoint is for
    )
    return LargeObjects(boto3.client("s3", config=config), bucket)


def is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def main(command: str) -> None:
    source = ModelSource(os.environ["MODEL_REPOSITORY"], os.environ["MODEL_REVISION"])
    places = WeightPlaces(Path(os.environ.get("WEIGHTS_DIR", WEIGHTS)), Path(os.environ["MACHINE_DIR"]))
    objects = make_objects(os.environ["DATA_BUCKET"])
    if command == "patterns":
        sys.stdout.write(" ".join(f"*{kind}" for kind in KINDS))
    elif command == "settle":
        settle(source, places)
    elif command == "fetch":
        sys.stdout.write(f"{fetch(objects, source, places, names_of)}\n")
    elif command == "keep":
        wait_for_engine(lambda: is_healthy(os.environ["ENGINE_URL"]), time.sleep)
        keep(objects, source, places)
    else:
        sys.exit(f"no such command: {command}")


if __name__ == "__main__":
    handler = logging.StreamHandler(sys.stderr)  # stdout has the word
    handler.setFormatter(logs.JsonFormatter())
    logging.getLogger().addHandler(handler)
    logs.configure()
    main(sys.argv[1])
