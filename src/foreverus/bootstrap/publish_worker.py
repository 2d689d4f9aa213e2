"""The worker's package, made of the code that runs here."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.upkeep import PublishWorkerSettings

if TYPE_CHECKING:
    from foreverus.deployment.worker_package import WorkerPackage


def build() -> "WorkerPackage":
    from foreverus.deployment.worker_package import WorkerPackage

    env = PublishWorkerSettings.from_env(os.environ)
    return WorkerPackage(aws.client("s3"), env.data_bucket, Path(os.environ.get("LAMBDA_TASK_ROOT", ".")))
