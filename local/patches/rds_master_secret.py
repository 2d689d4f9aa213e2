"""A master user's secret, managed by RDS, in a template.

AWS: `ManageMasterUserPassword: true` on an AWS::RDS::DBCluster makes RDS generate the password and keep it in a secret,
and `!GetAtt Cluster.MasterUserSecret.SecretArn` names that secret.
Emulator: CreateDBCluster does so; the template's resource ignores the property and does not know the attribute.

Patch: the template's resource does what CreateDBCluster does.
"""

import json
from typing import Any

from local.patches import Options

ATTRIBUTE = "MasterUserSecret.SecretArn"


def apply(options: Options) -> None:
    from ministack.core.responses import get_account_id, get_region, new_uuid
    from ministack.services import rds, secretsmanager
    from ministack.services.cloudformation import provisioners

    original_create = provisioners._rds_db_cluster_create
    original_delete = provisioners._rds_db_cluster_delete
    original_attributes = provisioners._rds_db_cluster_attrs

    def attributes(cluster: dict[str, Any]) -> dict[str, Any]:
        secret = cluster.get("MasterUserSecret")
        return {**original_attributes(cluster), **({ATTRIBUTE: secret["SecretArn"]} if secret else {})}

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        if str(properties.get("ManageMasterUserPassword", "")).lower() != "true":
            return original_create(logical_id, properties, stack_name)
        password = rds._generate_master_user_password()
        cluster_id, _ = original_create(logical_id, {**properties, "MasterUserPassword": password}, stack_name)
        cluster = rds._clusters[cluster_id]
        secret_arn = secretsmanager.create_secret_in_process(
            f"rds!cluster-{new_uuid()}",
            json.dumps({"username": cluster["MasterUsername"], "password": password}),
            description=f"Secret managed by RDS for DB cluster {cluster_id}",
        )
        key = properties.get("MasterUserSecret", {}).get("KmsKeyId")
        default_key = f"arn:aws:kms:{get_region()}:{get_account_id()}:key/aws-secretsmanager-default"
        cluster["MasterUserSecret"] = {
            "SecretArn": secret_arn,
            "SecretStatus": "active",
            "KmsKeyId": key or default_key,
        }
        return cluster_id, attributes(cluster)

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        secret = (rds._clusters.get(physical_id) or {}).get("MasterUserSecret")
        original_delete(physical_id, properties)
        if secret:
            name, _ = secretsmanager._resolve(secret["SecretArn"], use_arn_scope=True)
            secretsmanager._secrets.pop(name, None)

    provisioners._rds_db_cluster_create = create
    provisioners._rds_db_cluster_delete = delete
    provisioners._rds_db_cluster_attrs = attributes
    for handlers in (value for value in vars(provisioners).values() if isinstance(value, dict)):
        entry = handlers.get("AWS::RDS::DBCluster")
        if isinstance(entry, dict) and entry.get("create") is original_create:
            entry.update(create=create, delete=delete)
