"""What boto3 raises where an ability of AWS's is asked, as errors of ours: in one place for all abilities."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, ParamValidationError

from foreverus.backends.bedrock import BROKEN
from foreverus.errors import BackendUnavailable, EngineError, EngineFailed, PromptRejected

Refusal = Callable[[str, str, int], EngineError | PromptRejected]


@contextmanager
def translated(service: str, refusal: Refusal) -> Iterator[None]:
    """`refusal`: what an answer of AWS's means, of its error's code, its words and its HTTP status (0: it has none)."""
    try:
        yield
    except ClientError as err:
        error, status = err.response.get("Error", {}), err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise refusal(str(error.get("Code", "")), str(error.get("Message", "")), int(status)) from err
    except ParamValidationError as err:
        raise BackendUnavailable(f"{service} takes no such request: {err}"[:500]) from err
    except (*BROKEN, IncompleteReadError) as err:
        raise EngineFailed(f"{service} did not answer: {type(err).__name__}") from err
    except BotoCoreError as err:  # no credentials, no Region
        raise BackendUnavailable(f"{service} cannot be asked: {err}"[:500]) from err
