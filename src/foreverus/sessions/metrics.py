"""Metrics, as lines of a Lambda's log: CloudWatch reads them there (embedded metric format); no permission is needed.

Pure. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from datetime import datetime

NAMESPACE = "ForeverUs"
DIMENSION = "stack"
REAPED = "ReapedInstances"


def reaped_line(stack_name: str, count: int, now: datetime) -> str:
    """One line: so many instances had to be terminated by the reaper.

    >>> line = json.loads(reaped_line("foreverus", 2, datetime.fromisoformat("2026-01-01T00:00:00Z")))
    >>> line["stack"], line["ReapedInstances"], line["_aws"]["Timestamp"]
    ('foreverus', 2, 1767225600000)
    """
    directive = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": [{"Name": REAPED, "Unit": "Count"}]}
    about = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": about, DIMENSION: stack_name, REAPED: count})
