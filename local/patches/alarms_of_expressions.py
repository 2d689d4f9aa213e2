"""Alarms on expressions.

AWS: an alarm may be on an expression of several metrics (`Metrics`), by CloudFormation as by the API.
Emulator: refuses such an alarm in a template.

Patch: keeps the alarm with its name, description and actions, and no metric of its own. The emulator looks at no metric
for it; whoever knows its state sets it (SetAlarmState), and its actions follow as for any other.
"""

from typing import Any

from local.patches import Options


def apply(options: Options) -> None:
    from ministack.services.cloudformation import provisioners

    made = provisioners._cw_metric_alarm_record

    def record(name: str, props: dict[str, Any]) -> Any:
        metrics = props.get("Metrics")
        if not metrics:
            return made(name, props)
        returned = [one for one in metrics if one.get("ReturnData", True)]
        if len(returned) != 1:
            raise ValueError("Exactly one element of Metrics must return data")
        rest = {key: value for key, value in props.items() if key != "Metrics"}
        alarm = made(name, {**rest, "Namespace": "expression", "MetricName": returned[0]["Id"]})
        alarm.update(Namespace=None, MetricName=None, Statistic=None)
        return alarm

    provisioners._cw_metric_alarm_record = record
