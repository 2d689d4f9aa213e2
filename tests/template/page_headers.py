"""The page's response headers, as CloudFront writes what template.yaml says."""

from typing import Any

from tests.template.template import resolve, template


def page_headers(known: dict[str, Any]) -> dict[str, str]:
    """By their names. `known`: as `resolve` takes it."""
    policy = resolve(template()["Resources"]["PageHeaders"]["Properties"], known)["ResponseHeadersPolicyConfig"]
    rules = policy["SecurityHeadersConfig"]
    hsts = rules["StrictTransportSecurity"]
    assert all(rule["Override"] for rule in (*rules.values(), *policy["CustomHeadersConfig"]["Items"]))
    return {
        "Content-Security-Policy": rules["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Strict-Transport-Security": f"max-age={hsts['AccessControlMaxAgeSec']}"
        + ("; includeSubDomains" if hsts["IncludeSubdomains"] else ""),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": rules["FrameOptions"]["FrameOption"],
        "Referrer-Policy": rules["ReferrerPolicy"]["ReferrerPolicy"],
        **{one["Header"]: one["Value"] for one in policy["CustomHeadersConfig"]["Items"]},
    }


def directives(policy: str) -> dict[str, list[str]]:
    """A Content-Security-Policy, by directive."""
    parts = (part.split() for part in policy.split(";") if part.strip())
    return {name: values for name, *values in parts}
