"""Tracing, behind this one module: the X-Ray SDK is in maintenance mode and will be replaced here."""

import os


def trace_aws_calls() -> bool:
    """Records every AWS call of this Lambda as an X-Ray subsegment, where a daemon listens (it does on Lambda).

    Returns whether it did. Outside Lambda there is no daemon, and nothing is imported.
    """
    if "AWS_XRAY_DAEMON_ADDRESS" not in os.environ:
        return False
    from aws_xray_sdk.core import patch

    patch(("botocore",))
    return True
