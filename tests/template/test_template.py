"""Rules of template.yaml. What it deploys to is shown by tests/local; here is what must hold before that."""

import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from foreverus import metric_definitions, settings
from foreverus.access.people import LOOK_EVERY_S
from foreverus.access.records import REVOKED_WITHIN_SECONDS
from foreverus.api import schemas
from foreverus.conversations.bedrock.asking import CALL_S
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR, VOLUME_GB, VOLUME_MIBPS
from foreverus.costs.prices import listed_price
from foreverus.files.service import IN_PARTS, MAX_INLINE_BYTES, MAX_UPLOAD_PART_BYTES
from foreverus.handlers import answer_conversation, api, manage_account, manage_keys
from foreverus.openai_api.application import ROUTES
from foreverus.privacy.export.records import KEPT
from tests.statemachines.definition import ALL, BATCH_RUN, GPU_SESSION, Definition
from tests.template import iam
from tests.template.template import ROOT, parameter_defaults, resolve, resources, substitute, template, walk

TEXT = (ROOT / "template.yaml").read_text()
FUNCTIONS = resources("AWS::Serverless::Function")
GLOBALS = template()["Globals"]["Function"]

# Resource types that cost nothing, or fractions of a cent, while nobody uses them; the README has the sum.
NO_STANDING_PRICE = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Budgets::Budget",
    "AWS::Budgets::BudgetsAction",  # two are free
    "AWS::ECS::Cluster",  # without a container instance
    "AWS::ECS::TaskDefinition",
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudWatch::Alarm",  # ten metrics are free, then $0.10 a month
    "AWS::CloudWatch::Dashboard",  # three are free
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::Cognito::UserPoolGroup",
    "AWS::DynamoDB::Table",  # on demand: its stored gigabytes
    "AWS::EC2::InternetGateway",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",  # a gateway's, which is free; a test holds that
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::Events::Rule",
    "AWS::IAM::InstanceProfile",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::QueryDefinition",  # a query costs what it reads
    "AWS::Logs::ResourcePolicy",
    "AWS::RDS::DBCluster",  # at 0 ACU: its stored gigabytes and $0.40 a month for its secret
    "AWS::RDS::DBInstance",  # db.serverless: the cluster's ACUs
    "AWS::RDS::DBSubnetGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::Scheduler::Schedule",
    "AWS::Serverless::Api",
    "AWS::Serverless::Function",
    "AWS::Serverless::StateMachine",
    "Custom::DatabaseMigrations",
    "Custom::DatabasePasswords",
    "Custom::SessionsEnded",
    "Custom::ContainersEnded",
    "Custom::Site",
    "Custom::WorkerPackage",
}

# Where AWS takes no other resource than "*" (or where "*" is everybody whom a Deny is for).
WILDCARDS = {
    "SiteBucketPolicy/TlsOnly",
    "DataBucketPolicy/TlsOnly",
    "DataBucketPolicy/ManifestsAreWrittenOnce",
    "InstanceRole/TaskTokens",
    "InstanceRole/Traces",
    "ApiFunction/CancelledRounds",
    "CloseSessionFunction/SpotPrices",
    "CloseSessionFunction/WaitingRounds",
    "RunBatchFunction/TaskTokens",
    "SweepFunction/WaitingRounds",
    "ErasePeopleFunction/CancelledRounds",
    "NoLaunches/NoLaunches",
    "NoLaunches/NoBedrock",
    "NoLaunches/NoSageMaker",
    "NoLaunches/NoVoice",
    "NoLaunches/NoContainers",
    "AbilityStartRole/Registry",
    "AbilityTaskRole/TaskTokens",
    "AbilityRunRole/DeliverLogs",
    "AbilityRunRole/Trace",
    "ReapGpusFunction/LookForTasks",
    "EndSessionsFunction/LookForTasks",
    "ChatCompletionsFunction/ReadAloud",
    "ChatCompletionsFunction/Listen",
    "PublishChangesFunction/SpotPrices",
    "ReapGpusFunction/Look",
    "EndSessionsFunction/Look",
    "ReapGpusFunction/WaitingRounds",
    "GpuSessionRole/Look",
    "GpuSessionRole/DeliverLogs",
    "GpuSessionRole/Trace",
    "BatchRunRole/DeliverLogs",
    "BatchRunRole/Trace",
    "BakeImageRole/Look",
    "BakeImageRole/DeliverLogs",
    "BakeImageRole/Trace",
}


def statements() -> list[tuple[str, dict[str, Any]]]:
    """(logical id, statement) of every policy statement."""
    return [
        (name, value)
        for name, resource in template()["Resources"].items()
        for _, value in walk(resource)
        if isinstance(value, dict) and "Effect" in value
    ]


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return found if isinstance(found, list) else [found]


def test_sections_have_their_order() -> None:
    titles = re.findall(r"^  # ── (\w+) ─", TEXT, re.MULTILINE)
    assert titles == ["Storage", "Messaging", "Compute", "Functions", "Machines", "Guards", "Watching"]
    assert [key for key in template() if key in ("Parameters", "Resources", "Outputs")] == [
        "Parameters",
        "Resources",
        "Outputs",
    ]


def test_nothing_bills_by_the_hour_at_rest() -> None:
    a_secret = {"AWS::SecretsManager::Secret"}  # tests/unit/costs/test_rest.py counts them: US$ 0.40 a month each
    assert {one["Type"] for one in template()["Resources"].values()} - a_secret <= NO_STANDING_PRICE
    (cluster,) = resources("AWS::RDS::DBCluster").values()
    assert cluster["ServerlessV2ScalingConfiguration"]["MinCapacity"] == 0
    assert not any("ProvisionedConcurrencyConfig" in one for one in FUNCTIONS.values())
    assert {table["BillingMode"] for table in resources("AWS::DynamoDB::Table").values()} == {"PAY_PER_REQUEST"}


@pytest.mark.parametrize("name", template()["Parameters"])
def test_parameter_says_what_it_takes(name: str) -> None:
    one = template()["Parameters"][name]
    assert one["Description"]
    assert one["ConstraintDescription"]
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(one)
    default = one["Default"]
    if "AllowedPattern" in one:
        assert re.search(one["AllowedPattern"], default)
    if "AllowedValues" in one:
        assert default in one["AllowedValues"]
    if "MinValue" in one:
        assert one["MinValue"] <= default <= one["MaxValue"]


def test_every_parameter_and_condition_is_used() -> None:
    used = [value for _, value in walk({k: v for k, v in template().items() if k != "Parameters"})]
    names = {text for text in used if isinstance(text, str)}
    in_texts = set(re.findall(r"\$\{(\w+)\}", TEXT))
    assert set(template()["Parameters"]) <= names | in_texts
    assert set(template()["Conditions"]) <= names


SHARED = set(GLOBALS["Environment"]["Variables"])


def needed(name: str) -> set[str]:
    """The variables that a function's settings read."""
    wanted = name.removesuffix("Function") + "Settings"
    files = (import_module(f"{settings.__name__}.{one.name}") for one in iter_modules(settings.__path__))
    known = next(getattr(one, wanted) for one in files if hasattr(one, wanted))
    return {field.upper() for field in known.__dataclass_fields__}


# What the Lambda Web Adapter and its layer's wrapper read, before our program is there.
OF_THE_ADAPTER = {"AWS_LAMBDA_EXEC_WRAPPER", "AWS_LWA_INVOKE_MODE", "AWS_LWA_READINESS_CHECK_PROTOCOL"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_gets_what_its_settings_name_and_the_shared_ones(name: str) -> None:
    own = set(FUNCTIONS[name].get("Environment", {}).get("Variables", {}))
    assert own - OF_THE_ADAPTER == needed(name) - SHARED


def test_what_is_shared_is_needed_by_nearly_all_and_a_name_alone_opens_nothing() -> None:
    assert {"TABLE_NAME", "STACK_NAME", "MORE_METRICS"} == SHARED, "each role says who may read the table"
    without = {name for name in FUNCTIONS if "TABLE_NAME" not in needed(name)}
    of_keys = {"AuthorizeFunction"}
    assert (
        without
        == {"MakePasswordsFunction", "PublishSiteFunction", "PublishWorkerFunction", "EndSessionsFunction"}
        | {"ReadDocumentFunction"}
        | of_keys
    )
    assert not any(action.startswith("dynamodb:") for name in without - of_keys for action in allowed(name))


def test_who_comes_in_is_written_by_one_function_and_looked_up_by_one() -> None:
    """The others have no key to the table of keys, but for the WebSocket's, which sees that a person has a key and not
    which; nor these two to the other table, but for whose sockets are open."""
    table, other = {"Fn::GetAtt": ["KeysTable", "Arn"]}, {"Fn::GetAtt": ["Table", "Arn"]}
    openers = {name for name, one in statements() if "KeysTable" in str(one) and one["Effect"] == "Allow"}
    ending = {"ManageAccountFunction", "ErasePeopleFunction"}  # of people who leave
    names = {"ExportDataFunction"}  # of keys, to take along
    assert openers == {"AuthorizeFunction", "ManageKeysFunction", "WebSocketFunction"} | ending | names
    for name in ending:
        on_keys = [one for of, one in statements() if of == name and "KeysTable" in str(one)]
        assert {action for one in on_keys for action in actions(one)} == {"dynamodb:Query", "dynamodb:DeleteItem"}
    on = [(name, one) for name, one in statements() if name in openers and one["Resource"] in (table, other)]
    leading = {
        (name, one["Sid"]): (one["Action"], one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        for name, one in on
        if one["Sid"] in ("Sockets", "Keys")
        and name in ("WebSocketFunction", "ManageKeysFunction")
        and "Condition" in one
    }
    assert leading["WebSocketFunction", "Keys"] == ("dynamodb:GetItem", ["USER#*"])
    assert leading["ManageKeysFunction", "Sockets"] == ("dynamodb:Query", ["SOCKETS#*"])
    others = {(name, one["Sid"]) for name, one in on if one["Resource"] == other}
    keepers = {"AuthorizeFunction", "ManageKeysFunction"}
    assert {one for one in others if one[0] in keepers} == {("ManageKeysFunction", "Sockets")}
    assert {action for action in allowed("AuthorizeFunction") if action.startswith("dynamodb:")} == {
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
    }
    (tickets,) = [one for name, one in statements() if name == "AuthorizeFunction" and one["Sid"] == "Tickets"]
    assert tickets["Condition"]["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": ["TICKET#*"]}


def test_a_socket_opens_with_a_ticket_or_a_header_and_a_key_in_its_address_is_no_default() -> None:
    (authorizer,) = resources("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["IdentitySource"] == [], "all that it names would have to be there"
    assert template()["Parameters"]["KeysInAddresses"]["Default"] == "false"


def test_logs_are_json_from_info_on() -> None:
    """Above INFO the reaper's metric would be filtered out too: a line without a level counts as INFO."""
    assert GLOBALS["LoggingConfig"] == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"}
    assert all(set(one["LoggingConfig"]) == {"LogGroup"} for one in FUNCTIONS.values())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_architecture_names_the_functions_file_and_environment(name: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    _, file, _, environment = [cell.strip() for cell in row.strip("|").split("|")]
    assert file == f"`{module_of(name).stem}.py`"
    assert set(environment.strip("`").split()) == needed(name)


def module_of(name: str) -> Path:
    """Of what runs: the file of a handler, or a script beside it that starts a web server."""
    module, _, kind = FUNCTIONS[name]["Handler"].rpartition(".")
    return Path(module) if kind == "sh" else Path(*module.split("."))


def test_web_application_is_started_by_the_adapter_and_streams() -> None:
    """The layer's wrapper executes the file that the handler names; nobody else may start the function's own way."""
    function = FUNCTIONS["ChatCompletionsFunction"]
    script = ROOT / "src" / function["Handler"]
    assert script.stat().st_mode & 0o111 and "-m foreverus.handlers.chat_completions" in script.read_text()
    assert function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap"
    assert function["Environment"]["Variables"]["AWS_LWA_INVOKE_MODE"] == "response_stream"
    events = [event["Properties"] for event in function["Events"].values()]
    assert {one["ResponseTransferMode"] for one in events} == {"RESPONSE_STREAM"}
    assert {one["TimeoutInMillis"] for one in events} == {1000 * function["Timeout"]}
    assert {f"{one['Method'].upper()} {one['Path']}" for one in events} == ROUTES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_timeout_memory_log_and_handler(name: str) -> None:
    function = FUNCTIONS[name]
    assert 0 < {**GLOBALS, **function}["Timeout"] <= 900
    assert {**GLOBALS, **function}["MemorySize"] >= 512
    log = function["LoggingConfig"]["LogGroup"]["Ref"]
    assert template()["Resources"][log]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert template()["Resources"][name]["Metadata"] == {"BuildMethod": "makefile"}
    assert (ROOT / "src" / module_of(name)).with_suffix(".py").is_file()
    assert function["Description"]


def test_every_log_group_has_a_retention() -> None:
    assert all("RetentionInDays" in one for one in resources("AWS::Logs::LogGroup").values())


def test_api_answers_before_api_gateway_gives_up() -> None:
    assert FUNCTIONS["ApiFunction"]["Timeout"] <= 29  # seconds, API Gateway's own limit


def called(machine: Definition) -> list[tuple[str, str]]:
    """(state, logical id of the function that it calls) of every state that calls one and waits for its answer."""
    found = []
    for name, state in machine.tasks().items():
        if state["Resource"].endswith(":lambda:invoke"):
            function = state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
            found.append((name, function))
    return found


CALLS = [pytest.param(machine, *call, id=f"{machine}-{call[0]}") for machine in ALL for call in called(machine)]


@pytest.mark.parametrize(("machine", "state", "function"), CALLS)
def test_machine_waits_longer_than_its_functions(machine: Definition, state: str, function: str) -> None:
    assert machine.states[state]["TimeoutSeconds"] > {**GLOBALS, **FUNCTIONS[function]}["Timeout"]


def rest_events() -> list[dict[str, Any]]:
    """Every route of the REST API, whichever function answers it."""
    events = [event for one in FUNCTIONS.values() for event in one.get("Events", {}).values()]
    return [event["Properties"] for event in events if event["Type"] == "Api"]


HANDLERS_OF_ROUTES = [
    ("ApiFunction", api),
    ("ManageKeysFunction", manage_keys),
    ("ManageAccountFunction", manage_account),
]


@pytest.mark.parametrize(("name", "handler"), HANDLERS_OF_ROUTES)
def test_a_function_gets_the_routes_that_it_knows(name: str, handler: Any) -> None:
    events = [event["Properties"] for event in FUNCTIONS[name]["Events"].values()]
    assert {f"{one['Method'].upper()} {one['Path']}" for one in events} == set(handler.ROUTES)


def test_routes_are_the_contracts_routes() -> None:
    events = rest_events()
    routes = {f"{one['Method'].upper()} {re.sub(r'{[^}]+}', '{id}', one['Path'])}" for one in events}
    pages = (("architecture", "\n## REST", "\n## The Lambdas"), ("batches", "\n## API", "\n## A line"))
    contract = ""
    for name, begin, end in pages:
        page = (ROOT / "docs" / f"{name}.md").read_text()
        contract += page[page.index(begin) : page.index(end)]
    assert routes == {
        f"{method} {path}" for method, path in re.findall(r"`(GET|POST|PATCH|DELETE) (/[^` ]+)", contract)
    }


def test_uploads_reach_the_function_as_they_are() -> None:
    (api,) = resources("AWS::Serverless::Api").values()
    assert api["BinaryMediaTypes"] == ["multipart~1form-data"]  # SAM's spelling of the slash


def test_every_route_is_authorized() -> None:
    (api,) = resources("AWS::Serverless::Api").values()
    assert api["Auth"]["DefaultAuthorizer"] in api["Auth"]["Authorizers"]
    assert len(rest_events()) > 20
    assert not any("Auth" in event for event in rest_events())
    assert {json.dumps(event["RestApiId"]) for event in rest_events()} == {'{"Ref": "Api"}'}
    connect = template()["Resources"]["ConnectRoute"]["Properties"]
    assert (connect["RouteKey"], connect["AuthorizationType"]) == ("$connect", "CUSTOM")


# What OpenAI's JavaScript client sends of its own, and what people give it by `defaultHeaders`.
JAVASCRIPT_CLIENT = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "OpenAI-Organization",
    "OpenAI-Project",
    "X-Stainless-Arch",
    "X-Stainless-Lang",
    "X-Stainless-OS",
    "X-Stainless-Package-Version",
    "X-Stainless-Retry-Count",
    "X-Stainless-Runtime",
    "X-Stainless-Runtime-Version",
    "X-Stainless-Timeout",
    "X-Stainless-Helper-Method",
    "X-A-Header-Of-The-Next-Version",
]


@pytest.mark.parametrize("header", JAVASCRIPT_CLIENT)
@pytest.mark.parametrize("spelled", [str, str.lower])
def test_a_browser_may_send_the_headers_of_openais_client(header: str, spelled: Callable[[str], str]) -> None:
    """By Fetch's rule: a name that is listed, or `*`, which is every name but Authorization."""
    (api,) = resources("AWS::Serverless::Api").values()
    listed = api["Cors"]["AllowHeaders"].strip("'").lower().split(",")
    assert spelled(header).lower() in listed or ("*" in listed and spelled(header).lower() != "authorization")


def test_refusals_can_be_read_by_a_page_and_by_openais_client() -> None:
    (api,) = resources("AWS::Serverless::Api").values()
    assert {"UNAUTHORIZED", "ACCESS_DENIED", "REQUEST_TOO_LARGE", "DEFAULT_4XX", "DEFAULT_5XX"} <= set(
        api["GatewayResponses"]
    )
    for answer in api["GatewayResponses"].values():
        assert "Access-Control-Allow-Origin" in answer["ResponseParameters"]["Headers"]
        body = answer["ResponseTemplates"]["application/json"].replace("$context.error.messageString", '"words"')
        assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
    large = api["GatewayResponses"]["REQUEST_TOO_LARGE"]["ResponseTemplates"]["application/json"]
    said = json.loads(large)["error"]["message"]
    assert f"at most {MAX_INLINE_BYTES:,} bytes" in said and f"at most {MAX_UPLOAD_PART_BYTES:,} bytes" in said
    assert IN_PARTS in said
    events = [event["Properties"] for event in FUNCTIONS["ApiFunction"]["Events"].values()]
    named = set(re.findall(r"POST (/\w+)", large))
    assert named and named <= {one["Path"] for one in events if one["Method"] == "post"}


def test_a_wrong_key_is_openais_401_and_who_is_throttled_is_told_when_to_come_again() -> None:
    (api,) = resources("AWS::Serverless::Api").values()
    answers = api["GatewayResponses"]
    refusal = json.loads(answers["UNAUTHORIZED"]["ResponseTemplates"]["application/json"])["error"]
    assert answers["UNAUTHORIZED"]["StatusCode"] == 401
    assert (refusal["type"], refusal["code"]) == ("invalid_request_error", "invalid_api_key")
    busy = {"AUTHORIZER_FAILURE": 503, "AUTHORIZER_CONFIGURATION_ERROR": 503, "THROTTLED": 429}
    assert {kind: answers[kind]["StatusCode"] for kind in busy} == busy
    for kind in (*busy, "DEFAULT_5XX"):
        assert answers[kind]["ResponseParameters"]["Headers"]["Retry-After"] == "'2'"


def test_both_front_doors_are_throttled_whoever_comes() -> None:
    (api,) = resources("AWS::Serverless::Api").values()
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
    (method,) = api["MethodSettings"]
    assert (method["ResourcePath"], method["HttpMethod"]) == ("/*", "*")
    defaults = parameter_defaults()
    for throttle, kind in ((method, "Api"), (stage["DefaultRouteSettings"], "WebSocket")):
        assert throttle["ThrottlingRateLimit"] == {"Ref": f"{kind}RateLimit"}
        assert throttle["ThrottlingBurstLimit"] == {"Ref": f"{kind}BurstLimit"}
        # Below what API Gateway lets through by itself, of a whole account: 10,000 a second, 5,000 at once.
        assert 30 <= int(defaults[f"{kind}RateLimit"]) <= int(defaults[f"{kind}BurstLimit"]) <= 1000


def test_a_revoked_key_is_refused_within_a_minute_and_a_busy_one_is_looked_up_once_in_it() -> None:
    (api,) = resources("AWS::Serverless::Api").values()
    identity = api["Auth"]["Authorizers"]["Authorize"]["Identity"]
    assert identity == {"Headers": ["Authorization"], "ReauthorizeEvery": REVOKED_WITHIN_SECONDS - LOOK_EVERY_S}
    assert REVOKED_WITHIN_SECONDS == 60


INVITATIONS = [
    line
    for page in (ROOT / "template.yaml", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    for line in page.read_text().replace("\\\n", " ").splitlines()
    if "admin-create-user" in line
]


def test_invitations_are_documented() -> None:
    assert INVITATIONS


@pytest.mark.parametrize("line", INVITATIONS)
def test_who_is_invited_gets_a_mail_and_can_reset_a_password(line: str) -> None:
    """AdminCreateUser's default medium is SMS, and a forgotten password is reset only by a verified address."""
    assert re.search(r"Name=email,Value=\S+@\S+", line)
    assert "Name=email_verified,Value=true" in line
    assert "--desired-delivery-mediums EMAIL" in line
    (pool,) = resources("AWS::Cognito::UserPool").values()
    assert pool["AutoVerifiedAttributes"] == ["email"]
    assert [one["Name"] for one in pool["AccountRecoverySetting"]["RecoveryMechanisms"]] == ["verified_email"]


@pytest.mark.parametrize(("name", "receives"), [("ChatQueue", 8), ("BatchQueue", 50)])
def test_queue_has_a_dead_letter_queue(name: str, receives: int) -> None:
    queue = resources("AWS::SQS::Queue")[name]
    dead_letters = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == receives
    assert queue.get("FifoQueue") == resources("AWS::SQS::Queue")[dead_letters].get("FifoQueue")
    assert queue["VisibilityTimeout"] == {"Ref": "VisibilitySeconds"}


def test_copies_of_inputs_outlive_the_longest_batch() -> None:
    rules = resources("AWS::S3::Bucket")["DataBucket"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule}
    # An export says how long it is kept.
    assert expiring == {
        "batches/": 10,
        "audio/": 1,
        "pictures/": 1,
        "shown/": 1,
        "uploads/": 1,
        "exports/": KEPT.days,
    }  # what people see, files/ and inputs/, is never deleted by us
    assert BATCH_RUN.machine["TimeoutSeconds"] + 86_400 < 10 * 86_400


def test_page_may_use_presigned_addresses() -> None:
    (rule,) = resources("AWS::S3::Bucket")["DataBucket"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedOrigins"], set(rule["AllowedMethods"])) == (["*"], {"GET", "HEAD", "PUT"})


def test_what_is_stored_is_encrypted_and_private() -> None:
    for bucket in resources("AWS::S3::Bucket").values():
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert bucket["BucketEncryption"]
    assert all(queue["SqsManagedSseEnabled"] for queue in resources("AWS::SQS::Queue").values())
    (cluster,) = resources("AWS::RDS::DBCluster").values()
    assert cluster["StorageEncrypted"]
    assert cluster["MasterUserPassword"] == {"Fn::Sub": "{{resolve:ssm-secure:${DatabasePasswords.Master}}}"}


def test_page_signs_in_with_a_code_and_no_secret() -> None:
    (client,) = resources("AWS::Cognito::UserPoolClient").values()
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["GenerateSecret"] is False
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]


def test_a_token_of_the_page_changes_nothing_of_its_persons_account() -> None:
    """Neither by its scopes nor by what the client may write; and a new address counts only once it has answered."""
    (client,) = resources("AWS::Cognito::UserPoolClient").values()
    (pool,) = resources("AWS::Cognito::UserPool").values()
    assert client["AllowedOAuthScopes"] == ["openid", "email"]
    assert client["WriteAttributes"], "none named would be all of them"
    assert not {"email", "phone_number"} & set(client["WriteAttributes"])
    assert pool["UserAttributeUpdateSettings"] == {"AttributesRequireVerificationBeforeUpdate": ["email"]}
    assert client["TokenValidityUnits"] == {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"}
    assert (client["AccessTokenValidity"], client["RefreshTokenValidity"]) == (15, 1)


@pytest.mark.parametrize(("mfa", "kinds"), [("OFF", None), ("ON", ["SOFTWARE_TOKEN_MFA"])])
def test_a_second_factor_is_an_app(mfa: str, kinds: list[str] | None) -> None:
    pool = resolve(resources("AWS::Cognito::UserPool")["UserPool"], {"Mfa": mfa})
    assert pool["MfaConfiguration"] == mfa
    assert pool.get("EnabledMfas") == kinds


# ── The GPU ──


def launch_data() -> dict[str, Any]:
    (launch,) = resources("AWS::EC2::LaunchTemplate").values()
    data: dict[str, Any] = launch["LaunchTemplateData"]
    return data


def test_machine_that_switches_off_is_terminated() -> None:
    assert launch_data()["InstanceInitiatedShutdownBehavior"] == "terminate"


def test_metadata_is_version_two_with_tags_and_not_for_containers() -> None:
    options = launch_data()["MetadataOptions"]
    assert options == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "InstanceMetadataTags": "enabled"}


def test_volume_is_encrypted_and_dies_with_its_instance() -> None:
    (device,) = launch_data()["BlockDeviceMappings"]
    assert device["DeviceName"] == "/dev/sda1"
    assert device["Ebs"] == {
        "VolumeType": "gp3",
        "VolumeSize": VOLUME_GB,  # the receipt counts so many gigabytes
        "Throughput": VOLUME_MIBPS,  # and so much throughput
        "Encrypted": True,
        "DeleteOnTermination": True,
        "VolumeInitializationRate": {"Fn::If": ["HasImageStore", 300, {"Ref": "AWS::NoValue"}]},
    }


def test_no_image_is_kept_by_default_because_it_costs_at_rest() -> None:
    assert parameter_defaults()["EngineImageStore"] == "none"
    mine = {name for name, one in template()["Resources"].items() if "Bake" in name}
    assert mine == {"StartBakeFunction", "StartBakeLog", "BakeImage", "BakeImageLog", "BakeImageRole"}
    assert all(template()["Resources"][name]["Condition"] == "HasImageStore" for name in mine)
    substitutions = resources("AWS::Serverless::StateMachine")["GpuSession"]["DefinitionSubstitutions"]
    assert resolve(substitutions["HasImageStore"], {}) == "false"
    roles = {
        name: [one for role, one in statements() if role == name and "ssm:" in json.dumps(one["Action"])]
        for name in ("GpuSessionRole", "CloseSessionFunction")
    }
    assert [one["Sid"] for one in roles["GpuSessionRole"]] == ["ResolveImage", "FindImage"]
    assert [one["Sid"] for one in roles["CloseSessionFunction"]] == ["WithdrawImage"]


def test_bakes_machine_neither_launches_nor_terminates_and_touches_only_our_images() -> None:
    mine = {one["Sid"]: one for name, one in statements() if name == "BakeImageRole" and "Sid" in one}
    acts = {action for one in mine.values() for action in actions(one)}
    assert not acts & {"ec2:RunInstances", "ec2:CreateFleet", "ec2:TerminateInstances", "iam:PassRole"}
    stack = {"Ref": "AWS::StackName"}
    asked, has = {"aws:RequestTag/foreverus:stack": stack}, {"aws:ResourceTag/foreverus:stack": stack}
    assert mine["ImageOfOurInstance"]["Condition"] == {"StringEquals": has}
    assert mine["ImageWithOurTag"]["Condition"] == {"StringEquals": asked}
    assert mine["TagWhileMaking"]["Condition"] == {"StringEquals": {"ec2:CreateAction": "CreateImage", **asked}}
    assert mine["DeleteOurs"]["Condition"] == {"StringEquals": has}
    for sid in ("Publish",):
        assert mine[sid]["Resource"]["Fn::Sub"].endswith(":parameter/${AWS::StackName}/gpu-image")


def test_image_is_resolved_at_launch() -> None:
    assert launch_data()["ImageId"] == {"Fn::Sub": "resolve:ssm:${GpuImageParameter}"}


def test_launch_template_names_no_type_and_no_tags() -> None:
    """Both belong to the launch itself; tags for the spot request would break on-demand launches."""
    assert "InstanceType" not in launch_data()
    assert "TagSpecifications" not in launch_data()
    assert "InstanceMarketOptions" not in launch_data()


def test_weights_come_through_the_gateway_that_costs_nothing() -> None:
    (endpoint,) = resources("AWS::EC2::VPCEndpoint").values()
    assert endpoint["VpcEndpointType"] == "Gateway" and "SubnetIds" not in endpoint
    assert endpoint["ServiceName"] == {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"}
    associated = {one["RouteTableId"]["Ref"] for one in resources("AWS::EC2::SubnetRouteTableAssociation").values()}
    assert {one["Ref"] for one in endpoint["RouteTableIds"]} == associated


def test_unfinished_uploads_are_gone_after_a_day() -> None:
    rules = resources("AWS::S3::Bucket")["DataBucket"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [one for one in rules if "AbortIncompleteMultipartUpload" in one]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rule["Status"] == "Enabled" and "Prefix" not in rule, "of files, outputs and weights"
    assert not any(str(one.get("Prefix", "")).startswith("weights") for one in rules), "weights stay"


def test_nothing_comes_in() -> None:
    groups = resources("AWS::EC2::SecurityGroup")
    assert groups
    assert not any("SecurityGroupIngress" in group for group in groups.values())
    assert not resources("AWS::EC2::SecurityGroupIngress")


def test_engine_image_is_pinned_by_digest() -> None:
    assert re.fullmatch(r"[^@]+:v[\d.]+@sha256:[0-9a-f]{64}", parameter_defaults()["EngineImage"])


# ── Least privilege ──


def test_wildcards_are_on_the_list_with_a_reason() -> None:
    found = {
        f"{name}/{one.get('Sid')}"
        for name, one in statements()
        if one.get("Resource") == "*" or one.get("Principal") == "*"
    }
    assert found == WILDCARDS
    lines = [line for line in TEXT.splitlines() if re.search(r'(Resource|Principal): "\*"', line)]
    assert len(lines) == len(WILDCARDS)
    assert all(re.search(r'# "\*": \w', line) for line in lines), "each says why beside it"


def test_no_statement_allows_every_action() -> None:
    for name, one in statements():
        if one["Effect"] == "Allow":
            assert not any(action.endswith("*") for action in actions(one)), name


def test_only_the_machine_launches_and_only_it_the_reaper_and_the_stacks_end_terminate() -> None:
    def allowed_to(*wanted: str) -> set[str]:
        return {name for name, one in statements() if set(wanted) & set(actions(one)) and one["Effect"] == "Allow"}

    assert allowed_to("ec2:RunInstances", "ec2:CreateFleet") == {"GpuSessionRole"}
    assert allowed_to("ec2:TerminateInstances") == {"GpuSessionRole", "ReapGpusFunction", "EndSessionsFunction"}
    assert allowed_to("iam:PassRole") == {"GpuSessionRole", "AbilityRunRole"}
    assert allowed_to("ecs:RunTask") == {"AbilityRunRole"}
    assert allowed_to("ecs:StopTask") == {"AbilityRunRole", "ReapGpusFunction", "EndSessionsFunction"}


def test_only_our_own_tasks_that_have_stopped_are_told_of() -> None:
    rule = resources("AWS::Events::Rule")["AbilityTaskStopped"]
    family = resources("AWS::ECS::TaskDefinition")["AbilityTask"]["Family"]["Fn::Sub"]
    assert rule["EventPattern"] == {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "clusterArn": [{"Fn::GetAtt": ["AbilityCluster", "Arn"]}],
            "group": [{"Fn::Sub": f"family:{family}"}],
            "lastStatus": ["STOPPED"],
        },
    }
    (permission,) = [
        one
        for one in resources("AWS::Lambda::Permission").values()
        if one.get("SourceArn") == {"Fn::GetAtt": ["AbilityTaskStopped", "Arn"]}
    ]
    assert permission["FunctionName"] == {"Ref": "ReapGpusFunction"}


def test_only_what_has_our_tag_is_terminated() -> None:
    for _, one in statements():
        if "ec2:TerminateInstances" in actions(one):
            assert one["Condition"] == {"StringEquals": {"aws:ResourceTag/foreverus:stack": {"Ref": "AWS::StackName"}}}


def test_instances_are_launched_only_from_our_template_with_our_tags() -> None:
    own = {"aws:RequestTag/foreverus:stack": {"Ref": "AWS::StackName"}}
    for _, one in statements():
        if "ec2:RunInstances" not in actions(one):
            continue
        kinds = {kind for kind in ("instance", "volume", "fleet", "network-interface") if f":{kind}/*" in str(one)}
        if kinds:
            assert one["Condition"]["StringEquals"] == own
        if "instance" in kinds:
            assert "launch-template/${LaunchTemplate}" in str(one["Condition"]["ArnEqualsIfExists"])
            assert one["Condition"]["StringLike"] == {"aws:RequestTag/foreverus:session": "*"}


def allowed(name: str) -> dict[str, list[Any]]:
    """Action → resources, of what a function or role may do."""
    found: dict[str, list[Any]] = {}
    for owner, one in statements():
        if owner == name and one["Effect"] == "Allow":
            resources_ = one["Resource"] if isinstance(one.get("Resource"), list) else [one.get("Resource")]
            for action in actions(one):
                found.setdefault(action, []).extend(resources_)
    return found


def under(*prefixes: str) -> list[dict[str, str]]:
    return [{"Fn::Sub": f"${{DataBucket.Arn}}/{prefix}/*"} for prefix in prefixes]


@pytest.mark.parametrize(
    ("name", "reads", "writes"),
    [
        (
            "ApiFunction",
            under("files", "uploads", "documents", "inputs"),
            under("files", "uploads", "documents", "batches", "pictures"),
        ),
        ("RunBatchFunction", under("batches"), under("files")),
        ("AnswerBatchFunction", under("batches", "files"), under("pictures")),  # images, which it may read or have read
        (
            "ChatCompletionsFunction",
            # Images; recordings for services, or for our own container, which alone fetches pictures.
            [*under("files", "shown"), *2 * under("audio")],
            [*under("shown"), *2 * under("audio"), *under("pictures")],
        ),
        ("AbilityTaskRole", under("audio", "pictures"), under("audio")),
        ("SweepFunction", under("batches", "uploads"), under("files", "uploads")),
        ("StartScheduledBatchFunction", under("inputs"), under("batches")),
        ("InstanceRole", under("worker", "weights", "batches"), under("weights")),
        ("PublishWorkerFunction", [], under("worker")),
        ("IndexDocumentFunction", under("documents"), under("documents")),
        ("ShowImagesFunction", under("batches", "files"), []),  # what a line names, and the images
        ("ReadDocumentFunction", [], []),
    ],
)
def test_data_bucket_is_open_by_prefix(name: str, reads: list[Any], writes: list[Any]) -> None:
    assert allowed(name).get("s3:GetObject", []) == reads
    assert allowed(name).get("s3:PutObject", []) == writes


def test_nobody_else_opens_the_data_bucket() -> None:
    openers = {name for name, one in statements() if "DataBucket" in str(one) and one["Effect"] == "Allow"}
    known = {"ApiFunction", "RunBatchFunction", "AnswerBatchFunction"}
    assert openers == known | {
        *("SweepFunction", "StartScheduledBatchFunction", "StoreResultsFunction", "PublishWorkerFunction"),
        *("ErasePeopleFunction", "ExportDataFunction", "ManageAccountFunction", "InstanceRole"),
        *("ChatCompletionsFunction", "AbilityTaskRole"),  # recordings and pictures, where Voice or Images is on
        "AnswerConversationFunction",  # images, where Images is on
        "IndexDocumentFunction",  # documents, where they are on
        "ShowImagesFunction",  # images, where the GPU's model sees
    }


@pytest.mark.parametrize(
    ("name", "deletes"),
    [
        ("ApiFunction", under("batches", "files", "uploads", "documents", "pictures")),
        ("RunBatchFunction", under("batches", "files")),  # our copy; a result that was deleted before its end
        ("SweepFunction", under("batches", "files")),
        ("StoreResultsFunction", under("files", "uploads", "documents")),
        ("PublishWorkerFunction", under("worker")),
        ("InstanceRole", []),
    ],
)
def test_who_deletes_in_the_data_bucket(name: str, deletes: list[Any]) -> None:
    assert sorted(map(str, allowed(name).get("s3:DeleteObject", []))) == sorted(map(str, deletes))


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        ("mistral.mistral-7b-instruct-v0:2", True),
        ("", True),
        ("us.mistral.pixtral-large-2502-v1:0", False),
        ("mistral 7b", False),
    ],
)
def test_bedrock_model_is_one_that_its_role_may_ask(model: str, taken: bool) -> None:
    pattern = template()["Parameters"]["BedrockModelId"]["AllowedPattern"]
    assert bool(re.search(pattern, model)) is taken


def test_only_what_answers_asks_bedrock_and_only_that_model() -> None:
    allowing = [(name, one) for name, one in statements() if one["Effect"] == "Allow"]
    asking = {
        name: one
        for name, one in allowing
        if any(a.startswith("bedrock:") for a in actions(one)) and one["Sid"] != "See"
    }
    calls = {
        "AnswerBatchFunction": "bedrock:InvokeModel",
        "AnswerConversationFunction": "bedrock:InvokeModelWithResponseStream",
        "ChatCompletionsFunction": "bedrock:InvokeModelWithResponseStream",
    }
    embedding = {"IndexDocumentFunction", "FindPassagesFunction", "FindSourcesFunction"}
    titan = "arn:${AWS::Partition}:bedrock:${AWS::Region}::foundation-model/amazon.titan-embed-text-v2:0"
    for name in embedding:
        assert (asking[name]["Action"], asking[name]["Resource"]) == ("bedrock:InvokeModel", {"Fn::Sub": titan})
    assert set(asking) - embedding == set(calls)
    model = "arn:${AWS::Partition}:bedrock:${AWS::Region}::foundation-model/${BedrockModelId}"
    for name in calls:
        assert (asking[name]["Action"], asking[name]["Resource"]) == ([calls[name]], {"Fn::Sub": model})
        guarded = FUNCTIONS[name]["Policies"][1]["Fn::If"]
        assert (guarded[0], guarded[2]) == ("HasBedrock", {"Ref": "AWS::NoValue"})


def test_only_openais_api_asks_sagemaker_and_only_the_endpoint_that_the_stack_names() -> None:
    asking = [(name, one) for name, one in statements() if any(a.startswith("sagemaker:") for a in actions(one))]
    allowing = [(name, one) for name, one in asking if one["Effect"] == "Allow"]
    ((name, statement),) = allowing
    assert name == "ChatCompletionsFunction"
    assert statement["Action"] == ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
    place = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}"
    component = {"Fn::Sub": f"{place}:inference-component/${{SageMakerComponent}}"}
    assert statement["Resource"] == [
        {"Fn::Sub": f"{place}:endpoint/${{SageMakerEndpoint}}"},
        {"Fn::If": ["HasSageMakerComponent", component, {"Ref": "AWS::NoValue"}]},
    ]
    guarded = FUNCTIONS[name]["Policies"][2]["Fn::If"]
    assert (guarded[0], guarded[2]) == ("HasSageMaker", {"Ref": "AWS::NoValue"})
    assert template()["Parameters"]["SageMakerEndpoint"]["Default"] == "", "nobody has one by default"


def test_images_are_seen_only_where_the_stack_says_so_and_by_the_model_that_it_names() -> None:
    for name in ("ChatCompletionsFunction", "AnswerConversationFunction"):
        (guarded,) = [
            one["Fn::If"] for one in FUNCTIONS[name]["Policies"] if "Fn::If" in one and one["Fn::If"][0] == "HasImages"
        ]
        see = guarded[1]["Statement"][0]
        assert guarded[2] == {"Ref": "AWS::NoValue"} and see["Action"] == ["bedrock:InvokeModelWithResponseStream"]
        assert see["Resource"]["Fn::Sub"].endswith("foundation-model/${ImagesModelId}")
        named = FUNCTIONS[name]["Environment"]["Variables"]["IMAGES_MODEL_ID"]
        assert named == {"Fn::If": ["HasImages", {"Ref": "ImagesModelId"}, ""]}
    images = template()["Parameters"]["Images"]
    assert (images["Default"], images["AllowedValues"]) == ("off", ["off", "managed", "container", "gpu"]), (
        "no value that does nothing"
    )


def test_api_has_our_own_container_read_images_only_where_the_stack_says_so() -> None:
    (guarded,) = [
        one["Fn::If"]
        for one in FUNCTIONS["ApiFunction"]["Policies"]
        if "Fn::If" in one and one["Fn::If"][0] == "HasImagesContainer"
    ]
    assert guarded[2] == {"Ref": "AWS::NoValue"}
    assert {one["Sid"] for one in guarded[1]["Statement"]} == {"WakeContainer", "StartRun", "Pictures"}
    others = [one for one in FUNCTIONS["ApiFunction"]["Policies"] if one.get("Fn::If") != guarded]
    assert not any(word in str(others) for word in ("AbilityQueue", "ability-run", "pictures"))


def test_only_openais_api_reads_aloud_and_only_where_the_stack_says_so() -> None:
    (name,) = [
        name for name, one in statements() if one["Effect"] == "Allow" and any("polly:" in a for a in actions(one))
    ]
    assert name == "ChatCompletionsFunction"
    (guarded,) = [
        one["Fn::If"] for one in FUNCTIONS[name]["Policies"] if "Fn::If" in one and one["Fn::If"][0] == "HasVoice"
    ]
    assert guarded[2] == {"Ref": "AWS::NoValue"}
    assert guarded[1]["Statement"][0]["Action"] == "polly:SynthesizeSpeech"
    voice = template()["Parameters"]["Voice"]
    assert (voice["Default"], voice["AllowedValues"]) == ("off", ["off", "managed", "container"]), (
        "no value that does nothing"
    )


@pytest.mark.parametrize(
    ("name", "taken"),
    [("", True), ("mistral-7b", True), ("M", True), ("-a", False), ("a-", False), ("a_b", False), ("a" * 64, False)],
)
def test_an_endpoints_name_is_one_that_sagemaker_takes(name: str, taken: bool) -> None:
    for parameter in ("SageMakerEndpoint", "SageMakerComponent"):
        pattern = template()["Parameters"][parameter]["AllowedPattern"]
        assert bool(re.search(pattern, name)) is taken


def test_machine_asks_bedrock_only_where_the_stack_has_it() -> None:
    given = resources("AWS::Serverless::StateMachine")["GpuSession"]["DefinitionSubstitutions"]
    assert given["HasBedrock"] == {"Fn::If": ["HasBedrock", "true", "false"]}
    assert GPU_SESSION.states["May Bedrock answer?"]["Choices"][0]["Condition"].startswith("{% ${HasBedrock} and ")


TABLE_CALLS = {
    *(f"dynamodb:{call}Item" for call in ("Get", "Put", "Update", "Delete", "ConditionCheck")),
    "dynamodb:Query",
}


def test_chats_have_time_for_the_longest_answer_on_bedrock() -> None:
    function = FUNCTIONS["AnswerConversationFunction"]
    assert function["Timeout"] - answer_conversation.LAST_WRITES_S > CALL_S + 60, "after a short one there is time too"
    asks = {"bedrock:InvokeModelWithResponseStream", "execute-api:ManageConnections"}
    to_the_gpu = {"sqs:SendMessage", "states:StartExecution"}
    at_once, again = {"dynamodb:BatchGetItem"}, {"lambda:InvokeFunction"}
    images = {"s3:GetObject", "s3:ListBucket"}  # where Images is on
    assert allowed("AnswerConversationFunction").keys() == TABLE_CALLS | at_once | asks | to_the_gpu | again | images


def test_who_hands_chats_over_to_bedrock_cannot_ask_it() -> None:
    assert allowed("AnswerChatsFunction").keys() == TABLE_CALLS | {"lambda:InvokeFunction"}


def test_batch_machine_can_call_its_steps_and_tell_people_and_nothing_else() -> None:
    may = allowed("BatchRunRole")
    assert {one["Fn::GetAtt"][0] for one in may["lambda:InvokeFunction"]} == {step for _, step in called(BATCH_RUN)}
    beside = {action for action in may if not action.startswith(("logs:", "xray:"))}
    assert beside == {"lambda:InvokeFunction", "sns:Publish", "sts:AssumeRole"}


def test_passed_role_is_the_instances_and_for_ec2() -> None:
    passing = {name: one for name, one in statements() if "iam:PassRole" in actions(one)}
    assert passing["GpuSessionRole"]["Resource"] == {"Fn::GetAtt": ["InstanceRole", "Arn"]}
    both = [{"Fn::GetAtt": [name, "Arn"]} for name in ("AbilityStartRole", "AbilityTaskRole")]
    assert passing["AbilityRunRole"]["Resource"] == both
    assert all("iam:PassedToService" in one["Condition"]["StringEquals"] for one in passing.values())


# ── Guards ──


def test_reaper_hears_of_every_bad_end_and_sweeps() -> None:
    events = FUNCTIONS["ReapGpusFunction"]["Events"]
    pattern = events["SessionFailed"]["Properties"]["Pattern"]
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert events["Sweep"]["Properties"]["Schedule"] == "rate(5 minutes)"


@pytest.mark.parametrize("name", ["StoreResultsFunction", "SweepFunction"])
def test_what_was_left_behind_is_mended_every_five_minutes(name: str) -> None:
    schedules = [e["Properties"]["Schedule"] for e in FUNCTIONS[name]["Events"].values() if e["Type"] == "Schedule"]
    assert schedules == ["rate(5 minutes)"]


@pytest.mark.parametrize(
    ("machine", "variable", "name"),
    [("GpuSession", "GPU_SESSION_ARN", "gpu-session"), ("BatchRun", "BATCH_RUN_ARN", "batch-run")],
)
def test_machines_name_is_the_one_that_functions_spell(machine: str, variable: str, name: str) -> None:
    assert resources("AWS::Serverless::StateMachine")[machine]["Name"] == {"Fn::Sub": f"${{AWS::StackName}}-{name}"}
    arns = {
        one["Environment"]["Variables"][variable]["Fn::Sub"]
        for one in FUNCTIONS.values()
        if variable in one.get("Environment", {}).get("Variables", {})
    }
    assert {arn.split(":stateMachine:")[1] for arn in arns} == {f"${{AWS::StackName}}-{name}"}


def test_batch_that_its_machine_left_is_finished() -> None:
    pattern = FUNCTIONS["RunBatchFunction"]["Events"]["RunFailed"]["Properties"]["Pattern"]
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (machine,) = pattern["detail"]["stateMachineArn"]
    assert machine["Fn::Sub"].endswith(":stateMachine:${AWS::StackName}-batch-run")


def test_scheduled_batch_is_off_by_default_and_has_a_time_zone() -> None:
    assert parameter_defaults()["BatchSchedule"] == ""
    assert template()["Resources"]["ScheduledBatch"]["Condition"] == "HasBatchSchedule"
    schedule = resources("AWS::Scheduler::Schedule")["ScheduledBatch"]
    assert schedule["ScheduleExpressionTimezone"] == {"Ref": "BatchScheduleTimezone"}
    text = schedule["Target"]["Input"]["Fn::Sub"]
    event = json.loads(substitute(text, parameter_defaults()))
    assert schemas.check("start_scheduled_batch", event)["overlap"] is False


def test_scheduled_session_is_off_by_default_and_claimed_like_any_other() -> None:
    assert parameter_defaults()["SessionSchedule"] == ""
    assert template()["Resources"]["ScheduledSession"]["Condition"] == "HasSchedule"
    target = resources("AWS::Scheduler::Schedule")["ScheduledSession"]["Target"]
    assert schemas.check("start_scheduled_session", json.loads(target["Input"]))
    for one in resources("AWS::Scheduler::Schedule").values():
        assert one["Target"]["Arn"]["Fn::GetAtt"][0] in FUNCTIONS, "no schedule starts an execution without a claim"


def test_the_weekly_letter_is_off_by_default_and_writes_nothing() -> None:
    assert parameter_defaults()["WeeklyLetter"] == ""
    assert template()["Resources"]["ScheduledLetter"]["Condition"] == "HasWeeklyLetter"
    target = resources("AWS::Scheduler::Schedule")["ScheduledLetter"]["Target"]
    assert schemas.check("send_letter", json.loads(target["Input"]))


def test_machine_claims_nothing_and_reads_only_what_waits() -> None:
    may = allowed("GpuSessionRole")
    assert {one for one in may if one.startswith("dynamodb:")} == {
        f"dynamodb:{call}" for call in ("UpdateItem", "DeleteItem", "Query")
    }


@pytest.mark.parametrize("what", ["Batch", "Session"])
def test_scheduled_run_that_is_missed_or_fails_is_an_alarm(what: str) -> None:
    """The scheduler's own dead letters, and the function's: the scheduler does not wait for the function."""
    dead_letters = {"Fn::GetAtt": ["ScheduleDeadLetters", "Arn"]}
    schedule, function = f"Scheduled{what}", f"StartScheduled{what}Function"
    assert resources("AWS::Scheduler::Schedule")[schedule]["Target"]["DeadLetterConfig"] == {"Arn": dead_letters}
    assert FUNCTIONS[function]["DeadLetterQueue"] == {"Type": "SQS", "TargetArn": dead_letters}
    assert allowed(f"{schedule}Role")["sqs:SendMessage"] == [dead_letters]
    assert allowed(f"{schedule}Role")["lambda:InvokeFunction"] == [{"Fn::GetAtt": [function, "Arn"]}]
    (_, counted) = FUNCTIONS["SweepFunction"]["Environment"]["Variables"]["DEAD_LETTER_QUEUES"]["Fn::Join"]
    assert {"Ref": "ScheduleDeadLetters"} in counted, "the alarm DeadLetters is on what the sweep counts"


def test_alarms_are_among_the_ten_that_are_free() -> None:
    assert len(resources("AWS::CloudWatch::Alarm")) <= 10


def test_it_is_an_alarm_when_the_reaper_had_to_act() -> None:
    alarm = resources("AWS::CloudWatch::Alarm")["ReaperHadToAct"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (metric_definitions.NAMESPACE, metric_definitions.Name.ORPHAN)
    assert alarm["Dimensions"] == [{"Name": "stack", "Value": {"Ref": "AWS::StackName"}}]
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "notBreaching")
    assert alarm["AlarmActions"] == [{"Ref": "Topic"}]


def test_it_is_an_alarm_when_the_reaper_fails_in_a_row_or_is_not_called() -> None:
    alarm = resources("AWS::CloudWatch::Alarm")["ReaperFails"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Lambda", "Errors", "Sum")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "ReapGpusFunction"}}]
    sweep = FUNCTIONS["ReapGpusFunction"]["Events"]["Sweep"]["Properties"]["Schedule"]
    assert sweep == f"rate({alarm['Period'] // 60} minutes)", "a call in each period, or its data would be missing"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (1, 2, "missing")
    assert alarm["AlarmActions"] == alarm["InsufficientDataActions"] == [{"Ref": "Topic"}]


def test_alarms_and_budgets_may_speak_to_the_topic_that_people_read() -> None:
    (policy,) = resources("AWS::SNS::TopicPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert set(statement["Principal"]["Service"]) == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    # With AWS's own key they could not, and nobody would notice: its key policy does not let them.
    (topic,) = resources("AWS::SNS::Topic").values()
    assert "KmsMasterKeyId" not in topic


def test_budget_stands_behind_the_cap_and_tells_at_50_80_and_100_percent() -> None:
    (one,) = resources("AWS::Budgets::Budget").values()
    assert one["Budget"]["BudgetLimit"] == {"Amount": {"Ref": "MonthlyCapUsd"}, "Unit": "USD"}
    thresholds = [entry["Notification"]["Threshold"] for entry in one["NotificationsWithSubscribers"]]
    assert thresholds == [50, 80, 100]
    assert all(len(entry["Subscribers"]) == 1 for entry in one["NotificationsWithSubscribers"])


SPENDING = (
    "GpuSessionRole",
    "AnswerConversationFunctionRole",
    "AnswerBatchFunctionRole",
    "ChatCompletionsFunctionRole",
)
SPENDING_ON_DOCUMENTS = (
    "IndexDocumentFunctionRole",
    "FindPassagesFunctionRole",
    "FindSourcesFunctionRole",
)  # where they are on


def where_there_are_containers(value: Any) -> dict[str, Any]:
    return {"Fn::If": ["HasContainers", value, {"Ref": "AWS::NoValue"}]}


def test_budget_counts_all_that_the_caps_do() -> None:
    (one,) = resources("AWS::Budgets::Budget").values()
    services = one["Budget"]["CostFilters"]["Service"]
    assert services[:2] == ["Amazon Elastic Compute Cloud - Compute", "Amazon Bedrock"]
    assert services[-4:] == [
        {"Fn::If": ["HasSageMaker", "Amazon SageMaker", {"Ref": "AWS::NoValue"}]},
        {"Fn::If": ["HasVoice", "Amazon Polly", {"Ref": "AWS::NoValue"}]},
        {"Fn::If": ["HasVoice", "Amazon Transcribe", {"Ref": "AWS::NoValue"}]},
        {"Fn::If": ["HasContainers", "Amazon Elastic Container Service", {"Ref": "AWS::NoValue"}]},
    ]


def test_every_function_that_asks_bedrock_is_denied_that_by_the_budget() -> None:
    asking = {name for name, one in FUNCTIONS.items() if "bedrock:InvokeModel" in str(one.get("Policies"))}
    assert {f"{name}Role" for name in asking} == {*SPENDING, *SPENDING_ON_DOCUMENTS} - {"GpuSessionRole"}


def test_used_up_budget_denies_launches_and_bedrocks_answers_and_nothing_else() -> None:
    (action,) = resources("AWS::Budgets::BudgetsAction").values()
    assert (action["ActionThreshold"], action["ApprovalModel"]) == ({"Type": "PERCENTAGE", "Value": 100}, "AUTOMATIC")
    definition = action["Definition"]["IamActionDefinition"]
    nothing = {"Ref": "AWS::NoValue"}
    more = [{"Fn::If": ["HasDocuments", {"Ref": role}, nothing]} for role in SPENDING_ON_DOCUMENTS]
    more.append(where_there_are_containers({"Ref": "AbilityRunRole"}))
    assert definition == {"PolicyArn": {"Ref": "NoLaunches"}, "Roles": [*({"Ref": role} for role in SPENDING), *more]}
    (policy,) = resources("AWS::IAM::ManagedPolicy").values()
    denied = policy["PolicyDocument"]["Statement"]
    assert {one["Effect"] for one in denied} == {"Deny"}
    # Terminating is never denied.
    answers = {"bedrock:InvokeModel*", "sagemaker:InvokeEndpoint*"}
    answers |= {"polly:SynthesizeSpeech", "transcribe:StartTranscriptionJob"}
    assert set().union(*map(actions, denied)) == {"ec2:CreateFleet", "ec2:RunInstances", "ecs:RunTask"} | answers


def test_budgets_may_attach_that_policy_to_those_roles_only() -> None:
    found = [one for _, one in statements() if "iam:AttachRolePolicy" in actions(one)]
    (attaching,) = found
    more = [
        {"Fn::If": ["HasDocuments", {"Fn::GetAtt": [role, "Arn"]}, {"Ref": "AWS::NoValue"}]}
        for role in SPENDING_ON_DOCUMENTS
    ]
    more.append(where_there_are_containers({"Fn::GetAtt": ["AbilityRunRole", "Arn"]}))
    assert attaching["Resource"] == [*({"Fn::GetAtt": [role, "Arn"]} for role in SPENDING), *more]
    assert attaching["Condition"] == {"ArnEquals": {"iam:PolicyARN": {"Ref": "NoLaunches"}}}


def test_a_sessions_cap_is_beyond_the_longest_session_on_the_first_type() -> None:
    defaults = parameter_defaults()
    first = defaults["InstanceTypes"].split(",")[0]
    hours = (int(defaults["MaxSessionSeconds"]) + int(defaults["BootTimeoutSeconds"])) / 3600
    price = listed_price(first, "us-east-1", "on-demand").usd_per_hour or 0
    assert hours * (price + BESIDE_GPU_USD_PER_HOUR) < float(defaults["SessionCapUsd"])
    assert float(defaults["SessionCapUsd"]) < float(defaults["MonthlyCapUsd"])


def test_no_machine_may_write_over_a_manifest_of_weights() -> None:
    """As S3 documents it: a PUT, or the end of an upload in parts, that does not say If-None-Match."""
    statements = resources("AWS::S3::BucketPolicy")["DataBucketPolicy"]["PolicyDocument"]["Statement"]
    (once,) = [one for one in statements if one["Sid"] == "ManifestsAreWrittenOnce"]
    assert (once["Effect"], once["Action"]) == ("Deny", "s3:PutObject")
    assert "/weights/*/manifest.json" in str(once["Resource"])
    condition = dict(once["Condition"])
    assert "InstanceRole" in str(condition.pop("ArnEquals")["aws:PrincipalArn"])
    assert condition == {
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    assert "s3:DeleteObject" not in iam.actions("InstanceRole"), "what it cannot replace, it cannot delete either"


def test_a_stacks_name_may_be_as_long_as_the_readme_says() -> None:
    """The names that we spell ourselves: CloudFormation shortens its own. Lambda's have 64 characters."""
    spelled = re.findall(r"FunctionName: !Sub \$\{AWS::StackName\}(-\w+)", TEXT)
    longest = 64 - max(map(len, spelled))
    for page, words in (
        ("README.md", "characters at most, because names of functions"),
        ("README.pt-BR.md", "caracteres, porque nomes de funções"),
    ):
        (said,) = re.findall(rf"(\d+) {words}", (ROOT / page).read_text(encoding="utf-8"))
        assert int(said) == longest, page
