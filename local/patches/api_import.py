"""What a REST API's OpenAPI document says about CORS, errors and binary bodies.

AWS: imports `x-amazon-apigateway-gateway-responses`, `x-amazon-apigateway-binary-media-types`, and an integration's
request templates and responses. SAM writes them from a template's `Cors`, `GatewayResponses` and `BinaryMediaTypes`:
without them every preflight of a browser fails, and an uploaded file is read as text.
Emulator: its data plane knows all of it, but its import reads an integration's type and address only; and of
CloudFormation's own `BinaryMediaTypes` it keeps `multipart~1form-data` as it stands.

Patch: the import hands the rest to the emulator's own CreateRestApi, PutGatewayResponse, PutIntegration,
PutMethodResponse and PutIntegrationResponse.
"""

from typing import Any

from local.patches import Options

INTEGRATION = "x-amazon-apigateway-integration"
BINARY_MEDIA_TYPES = "x-amazon-apigateway-binary-media-types"
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
PASSED_ON = ("requestTemplates", "requestParameters", "passthroughBehavior", "timeoutInMillis", "credentials")


def apply(options: Options) -> None:
    from ministack.services import apigateway_v1 as gateway

    original_operation = gateway._import_operation
    original_api = gateway._import_rest_api

    def import_operation(
        api_id: str, resource_id: str, method: str, operation: Any, schemes: Any = None, security: Any = None
    ) -> None:
        original_operation(api_id, resource_id, method, operation, schemes, security)
        integration = (operation or {}).get(INTEGRATION)
        if not integration:
            return
        fields = {
            "type": str(integration.get("type", "")).upper() or None,
            "httpMethod": integration.get("httpMethod"),
            "uri": integration.get("uri"),
            **{name: integration[name] for name in PASSED_ON if name in integration},
        }
        gateway._put_integration(api_id, resource_id, method, fields)
        for status, response in (operation.get("responses") or {}).items():
            headers = response.get("headers") or {}
            declared = {f"method.response.header.{name}": False for name in headers}
            gateway._put_method_response(api_id, resource_id, method, str(status), {"responseParameters": declared})
        for pattern, response in (integration.get("responses") or {}).items():
            wanted = {
                "selectionPattern": "" if pattern == "default" else str(pattern),
                "responseParameters": response.get("responseParameters") or {},
                "responseTemplates": response.get("responseTemplates") or {},
            }
            status = str(response.get("statusCode", "200"))
            gateway._put_integration_response(api_id, resource_id, method, status, wanted)

    def import_rest_api(spec: dict[str, Any], base: Any = None) -> str:
        binary = {"binaryMediaTypes": spec[BINARY_MEDIA_TYPES]} if BINARY_MEDIA_TYPES in spec else {}
        api_id = str(original_api(spec, {**(base or {}), **binary}))
        for kind, response in (spec.get(GATEWAY_RESPONSES) or {}).items():
            gateway._put_gateway_response(api_id, kind, response)
        return api_id

    gateway._import_operation = import_operation
    gateway._import_rest_api = import_rest_api
