"""The page that a deployment publishes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.upkeep import PublishSiteSettings

if TYPE_CHECKING:
    from foreverus.deployment.site import Site


def build() -> "Site":
    from foreverus.deployment.site import Site

    env = PublishSiteSettings.from_env(os.environ)
    return Site(aws.client("s3"), env.site_bucket, Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / "site")
