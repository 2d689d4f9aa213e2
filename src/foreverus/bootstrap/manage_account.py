"""What people leave with, and take along."""

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.people import ManageAccountSettings

if TYPE_CHECKING:
    from foreverus.access.preferences import PreferenceService
    from foreverus.privacy.export.service import ExportService
    from foreverus.privacy.service import AccountService


@dataclass(frozen=True)
class AccountServices:
    account: "AccountService"
    exports: "ExportService"
    preferences: "PreferenceService"


@cache
def build() -> AccountServices:
    from foreverus.access.preferences import PreferenceService, PreferenceStore
    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.cognito_users import CognitoUsers
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.aws.push import OpenSockets
    from foreverus.backends.port import BackendName
    from foreverus.privacy.export.service import ExportService
    from foreverus.privacy.export.store import ExportStore
    from foreverus.privacy.kept import kept
    from foreverus.privacy.service import AccountService

    env = ManageAccountSettings.from_env(os.environ)
    table, functions = aws.items(env.table_name), aws.client("lambda")
    account = AccountService(
        items=table,
        api_keys=ApiKeyStore(aws.items(env.keys_table_name)),
        members=CognitoUsers(aws.client("cognito-idp"), env.user_pool_id),
        sockets=OpenSockets(aws.push()),
        eraser=LambdaFunction(functions, env.erase_people_function),
        kept=kept(env.log_retention_days, env.database != "none"),
        clock=aws.clock,
    )
    job = LambdaFunction(functions, env.export_data_function)
    exports = ExportService(ExportStore(table), aws.objects(env.data_bucket), job, aws.clock)
    has_voice = env.voice != "off"
    sees = bool(env.images_model_id or env.gpu_model_sees) or env.images == "container"
    preferences = PreferenceService(PreferenceStore(table), BackendName(env.chat_backend), has_voice, sees)
    return aws.lasting(AccountServices(account, exports, preferences))
