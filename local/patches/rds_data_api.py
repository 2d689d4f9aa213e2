"""The RDS Data API on a real PostgreSQL.

AWS: a cluster with its HTTP endpoint on answers SQL from PostgreSQL; the secret's user and password are a role's.
Emulator: starts databases through Docker only; without it SQL is answered by a stub that knows a few MySQL statements.
It also blocks every other request while a statement waits for a lock, binds every parameter as an untyped literal (so
that SQL which AWS refuses passes), ignores type hints and `formatRecordsAs`, and does not ask whether the caller may
read the secret.

Patch: PostgreSQL clusters resolve to our server. The cluster's master user becomes a role with the cluster's current
password, the cluster's `DatabaseName` becomes a database, when they are first used; a wrong password is PostgreSQL's
own refusal. Calls run in threads. RDS's master user may create the extension `vector`, and ours, who is no superuser,
may not: a new database has it.
"""

import asyncio
import json
import threading
from typing import Any

from local.patches import Options
from local.patches.rds_data_values import bind_value, field_value, mark_parameters

_lock = threading.Lock()
_roles: dict[str, tuple[str, str]] = {}  # role → (cluster's resource id, password)
_databases: dict[str, str] = {}  # database → cluster's resource id


class ClusterConflict(Exception):
    """Two live clusters want one role or database name: our one server would mix their data."""


def apply(options: Options) -> None:
    from ministack.services import rds_data

    if options.postgres is None:
        return
    server = json.loads(options.postgres.read_text())

    def is_postgres(engine: str | None) -> bool:
        return "postgres" in (engine or "")

    original_connect = rds_data._connect
    original_endpoint = rds_data._has_real_endpoint
    original_sql_error = rds_data._sql_execution_error

    def connect(instance: Any, engine: str, database: Any = None, password: Any = None, username: Any = None) -> Any:
        if not is_postgres(engine):
            return original_connect(instance, engine, database, password, username)
        with _lock:
            _provision(server, _cluster_of(instance))
        import psycopg2
        import psycopg2.extras

        connection = psycopg2.connect(
            host=server["host"],
            port=server["port"],
            user=username,
            password=password,
            dbname=database or "postgres",
            options="-c timezone=UTC",
        )
        connection.autocommit = True
        psycopg2.extras.register_default_json(conn_or_curs=connection, loads=lambda text: text)
        psycopg2.extras.register_default_jsonb(conn_or_curs=connection, loads=lambda text: text)
        return connection

    def sql_error(error: Exception) -> Any:
        import psycopg2

        if isinstance(error, ClusterConflict):
            return rds_data._error("BadRequestException", str(error))
        if isinstance(error, psycopg2.Error) and (state := sql_state(error)):
            message = str(error).strip().splitlines()[0].removeprefix("ERROR:").strip()
            return rds_data._error("DatabaseErrorException", f"ERROR: {message}; SQLState: {state}")
        return original_sql_error(error)

    handle = rds_data.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        try:
            request = json.loads(body) if body else {}
        except ValueError:
            request = {}
        if denied := secret_denied(headers, query, request.get("secretArn", "")):
            return denied
        try:
            for parameters in (request.get("parameters", []), *request.get("parameterSets", [])):
                for parameter in parameters:
                    bind_value(parameter)
        except ValueError as error:
            return rds_data._error("BadRequestException", str(error))
        if request.get("formatRecordsAs") == "JSON":
            body = json.dumps({**request, "includeResultMetadata": True}).encode()
        # The emulator answers in its event loop: a statement that waits for another one's lock would stop the world.
        response = await asyncio.to_thread(lambda: asyncio.run(handle(method, path, headers, body, query)))
        if request.get("formatRecordsAs") == "JSON":
            response = _format_records(response)
        return response

    rds_data._connect = connect
    rds_data._has_real_endpoint = lambda instance: is_postgres(instance.get("Engine")) or original_endpoint(instance)
    rds_data._sql_execution_error = sql_error
    rds_data._substitute_named_params = mark_parameters
    rds_data._convert_parameters = lambda parameters: {
        parameter["name"]: bind_value(parameter) for parameter in parameters or [] if parameter.get("name")
    }
    rds_data._field_value = field_value
    rds_data.handle_request = handle_request


def sql_state(error: Any) -> str | None:
    """PostgreSQL's code for an error. A refused login comes without one, because no session existed yet."""
    if error.pgcode:
        return str(error.pgcode)
    text = str(error)
    if "password authentication failed" in text or "no password supplied" in text:
        return "28P01"
    return "3D000" if 'database "' in text and "does not exist" in text else None


def secret_denied(headers: Any, query: Any, secret_arn: str) -> Any:
    """An error response when the caller may not read the secret: the Data API reads it in the caller's name."""
    from ministack import app as gateway

    if not gateway.AUTH or not secret_arn:
        return None
    from ministack.core.iam_evaluator import enforce
    from ministack.core.router import extract_access_key_id, extract_region
    from ministack.services import rds_data

    denied = enforce(
        extract_access_key_id(headers, query),
        "secretsmanager:GetSecretValue",
        "secretsmanager",
        extract_region(headers, query),
        resource_arn=secret_arn,
    )
    if not denied:
        return None
    return rds_data._error("AccessDeniedException", f"Not authorized to secretsmanager:GetSecretValue on {secret_arn}")


def _cluster_of(instance: dict[str, Any]) -> dict[str, Any]:
    """The cluster of a member instance; a cluster itself is its own."""
    from ministack.services import rds

    return rds._clusters.get(instance.get("DBClusterIdentifier", "")) or instance


def _provision(server: dict[str, Any], cluster: dict[str, Any]) -> None:
    """Makes the cluster's master role and database exist, with the password that the cluster has now."""
    from psycopg2 import sql

    owner = cluster.get("DbClusterResourceId") or cluster.get("DbiResourceId", "")
    role, password = cluster["MasterUsername"], cluster.get("_MasterUserPassword", "")
    database = cluster.get("DatabaseName") or cluster.get("DBName") or ""
    if _roles.get(role) == (owner, password) and (not database or _databases.get(database) == owner):
        return
    living = _living_resource_ids() - {owner}
    for kind, holder in (("user", _roles.get(role, ("",))[0]), ("database", _databases.get(database, ""))):
        if holder in living:
            raise ClusterConflict(f"Two clusters have the same {kind}. On the laptop, give each its own name.")

    connection = _connected(server, "postgres")
    try:
        with connection.cursor() as cursor:
            # The rights of RDS's master user: not a superuser.
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
            verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
            cursor.execute(
                sql.SQL("{} ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}").format(
                    verb, sql.Identifier(role), sql.Literal(password)
                )
            )
            if database and _databases.get(database) != owner:
                # Left by a cluster that is deleted: a new cluster starts empty.
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(role))
                )
                _extend(server, database)
    finally:
        connection.close()
    _roles[role] = (owner, password)
    if database:
        _databases[database] = owner


def _connected(server: dict[str, Any], database: str) -> Any:
    """As the superuser; each statement for itself."""
    import psycopg2

    connection = psycopg2.connect(
        host=server["host"],
        port=server["port"],
        user=server["superuser"],
        password=server["password"],
        dbname=database,
    )
    connection.autocommit = True
    return connection


def _extend(server: dict[str, Any], database: str) -> None:
    connection = _connected(server, database)
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION vector")
    finally:
        connection.close()


def _living_resource_ids() -> set[str]:
    from ministack.services import rds

    return {cluster.get("DbClusterResourceId", "") for cluster in list(rds._clusters._data.values())}


def _format_records(response: Any) -> Any:
    """`formatRecordsAs: JSON`: rows as one JSON text, columns by name."""
    from ministack.core.responses import json_response

    status, _headers, body = response
    if status != 200:
        return response
    answer = json.loads(body)
    names = [column["label"] for column in answer.pop("columnMetadata", [])]
    rows = [
        {
            name: None if "isNull" in field else next(iter(field.values()))
            for name, field in zip(names, record, strict=True)
        }
        for record in answer.pop("records", [])
    ]
    answer["formattedRecords"] = json.dumps(rows)
    return json_response(answer)
