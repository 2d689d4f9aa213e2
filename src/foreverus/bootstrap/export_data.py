"""What makes exports."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.people import ExportDataSettings

if TYPE_CHECKING:
    from foreverus.privacy.export.job import ExportJob


@cache
def build() -> "ExportJob":
    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.cognito_users import CognitoUsers
    from foreverus.aws.s3_resumable import ResumableObject
    from foreverus.privacy.export.content import PersonsData
    from foreverus.privacy.export.job import ExportJob
    from foreverus.privacy.export.store import ExportStore

    env = ExportDataSettings.from_env(os.environ)
    table, objects, s3 = aws.items(env.table_name), aws.objects(env.data_bucket), aws.client("s3")
    members = CognitoUsers(aws.client("cognito-idp"), env.user_pool_id)
    return ExportJob(
        store=ExportStore(table),
        data=PersonsData(table, ApiKeyStore(aws.items(env.keys_table_name)), members, objects, aws.clock),
        objects=objects,
        upload=lambda key, progress: ResumableObject(s3, env.data_bucket, key, "application/zip", progress),
        clock=aws.clock,
    )
