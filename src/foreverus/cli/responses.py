"""What an HTTP answer means: our API's errors, API Gateway's, S3's, and a network that is away."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from foreverus.cli.failures import Broken, Refused, Unreachable
from foreverus.cli.server_clock import header_time

LONGEST_WAIT_S = 120.0  # that an answer may ask for
AGAIN = frozenset({429, 500, 502, 503, 504})


@contextmanager
def network_errors() -> Iterator[None]:
    try:
        yield
    except httpx.RequestError as err:
        message = f"No answer from {err.request.url.host}: {str(err) or type(err).__name__}"
        raise Unreachable(message, fix=_fix(err)) from err
    except httpx.InvalidURL as err:
        raise Broken(f"The address cannot be used: {err}") from err


def _fix(err: httpx.RequestError) -> str:
    host = err.request.url.host
    if isinstance(err, httpx.ProxyError):
        return f"The proxy of HTTPS_PROXY or ALL_PROXY was asked: is it right? To go around it: NO_PROXY={host}"
    if "CERTIFICATE_VERIFY_FAILED" in str(err):
        return "Where a proxy opens what is encrypted, SSL_CERT_FILE names the file with its certificates."
    if isinstance(err, httpx.ConnectError | httpx.ConnectTimeout):
        return "Is this machine online, and is the address right (--url, FOREVERUS_URL)? Behind a proxy: HTTPS_PROXY."
    return ""


def _wait_s(response: httpx.Response) -> float:
    """Seconds of Retry-After, which may be a time, too; 0: it says nothing."""
    after = response.headers.get("Retry-After", "")
    if after.isascii() and after.isdigit():
        return min(float(after), LONGEST_WAIT_S)
    then, now = header_time(after), header_time(response.headers.get("Date", ""))
    return min(max((then - now).total_seconds(), 0.0), LONGEST_WAIT_S) if then and now else 0.0


def check_answer(response: httpx.Response) -> None:
    """Raises what an error answer means: Unreachable for "try again", else Refused. A limit that waiting a minute does
    not help with is refused, and its message says what helps."""
    if response.status_code < 300:
        return
    response.read()
    error = _error(response)
    error.request_id = _request_id(response)
    if response.status_code in AGAIN and response.headers.get("x-should-retry") != "false":
        which = f" (request {error.request_id})" if error.request_id else ""
        message = f"{response.url.host} answered {response.status_code}: {error.message}{which}"
        raise Unreachable(message, _wait_s(response))
    raise error


def _request_id(response: httpx.Response) -> str:
    """Ours; what API Gateway or S3 refuses itself has their own header alone."""
    for name in ("x-request-id", "x-amzn-requestid", "x-amz-request-id"):
        if found := str(response.headers.get(name, "")):
            return found
    return ""


def _error(response: httpx.Response) -> Refused:
    """OpenAI's shape from our API, `message` from API Gateway, XML from S3."""
    status = response.status_code
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict) and error.get("message"):
        return Refused(status, str(error["message"]), error.get("param"), error.get("code"))
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        hint = " Is the address right? It ends in /v1." if status in (403, 404) else ""
        return Refused(status, f"{response.url.host}: {body['message']}.{hint}")
    xml = dict(re.findall(r"<(Code|Message)>([^<]*)<", response.text[:4000]))
    if xml.get("Message"):
        return Refused(status, f"{response.url.host}: {xml['Message']}", code=xml.get("Code"))
    return Refused(status, f"{response.url.host} answered {status}: {excerpt(response)}")


def excerpt(response: httpx.Response) -> str:
    text = " ".join(response.text.split())
    return (text[:200] + "…") if len(text) > 200 else (text or "an empty body")
