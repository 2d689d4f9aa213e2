"""What people can do when a session could not be started or was stopped: the same words in mails, records and answers.

Pure. An error's own name is its code for programs; these words are for people.
"""

from foreverus.costs.meter import HOW_TO_RAISE

SPOT_QUOTA = ("All G and VT Spot Instance Requests", "L-3819A6DF")
ON_DEMAND_QUOTA = ("Running On-Demand G and VT instances", "L-DB2E81BA")
QUOTA_TO_ASK_FOR = 8  # vCPUs: two g6.xlarge, or one that is replaced by another


def quota_advice(region: str, on_demand: bool) -> str:
    """Names the quota and how to raise it.

    >>> quota_advice("us-east-1", on_demand=False)[:78]
    'AWS counts vCPUs of GPU instances for each account and Region, and many new ac'
    """
    quotas = (SPOT_QUOTA, ON_DEMAND_QUOTA) if on_demand else (SPOT_QUOTA,)
    named = " and ".join(f"'{name}' ({code})" for name, code in quotas)
    code = quotas[-1][1]
    return (
        "AWS counts vCPUs of GPU instances for each account and Region, and many new accounts have 0 of them. "
        f"Raise {named} to {QUOTA_TO_ASK_FOR} in Service Quotas (AWS services, Amazon EC2) in {region}, or run: "
        f"aws service-quotas request-service-quota-increase --region {region} --service-code ec2 --quota-code {code} "
        f"--desired-value {QUOTA_TO_ASK_FOR}. AWS often takes a day to answer."
    )


def where_the_log_is(group: str, session_id: str) -> str:
    """
    >>> where_the_log_is("/foreverus/team/machines", "ses_1")
    "The machine's last log lines: CloudWatch Logs, group /foreverus/team/machines, streams ses_1/…"
    """
    return f"The machine's last log lines: CloudWatch Logs, group {group}, streams {session_id}/…"


def advice(code: str, *, region: str = "this Region", on_demand: bool = False, last_bought: str = "") -> str:
    """A sentence or two for the error `code`; empty where nothing better is known than the error's own cause."""
    if code == "NoGpuCapacity":
        hope = "Try again later." if on_demand else "Try again later, or allow on-demand."
        return f"AWS has no such GPU free right now. {hope} {last_bought}".rstrip()
    if code == "GpuQuotaExceeded":
        return quota_advice(region, on_demand)
    if code == "LaunchNotAuthorized":
        return (
            "This deployment is not allowed to launch a GPU: somebody must mend its permissions. When AWS Budgets has "
            "seen the month's cap used up, it has attached the policy NoLaunches to the state machine's role: "
            "detach it (docs/runbook.md) when you have raised the cap."
        )
    if code == "AccountNotVerified":
        return "AWS does not let this account launch instances yet: look for a mail of AWS about its verification."
    if code == "LaunchRefused":
        return "EC2 refused to launch a GPU; nothing was bought. What it said is the reason (docs/runbook.md)."
    if code == "SpendCapReached":
        return (
            f"A spend cap is reached, so no GPU is bought for this. {HOW_TO_RAISE['month']} {HOW_TO_RAISE['session']}"
        )
    if code == "SessionLost":
        return "The session was stopped from outside."
    return ""
