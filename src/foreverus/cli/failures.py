"""What a command ends in, by exit status.

CommandFailed
├── UsageError     2  the command or its input is wrong; nothing was sent
├── Refused        1  the API answered with an error
├── Unreachable    1  no answer, or one that says "try again", after all tries
└── Broken         1  a file or an answer is not what it should be
"""

COMPLETED, FAILED, USAGE = 0, 1, 2
PARTLY = 3  # the batch is completed, and some of its lines failed
INTERRUPTED = 130  # 128 + SIGINT, as shells count

# By the API's status.
FIXES = {
    401: "The key is read from --api-key-file, else FOREVERUS_API_KEY. The page makes new ones; whoever owns the AWS "
    "account does with `foreverus key create NAME --user EMAIL`.",
    402: "`foreverus usage` shows what the month has cost. To raise the cap: deploy with a higher MonthlyCapUsd.",
}


class CommandFailed(Exception):
    """`fix`: what people can do about it, where the message does not say it; empty: nothing is known."""

    exit_status = FAILED
    fix = ""


# Of what came as bytes that are no UTF-8 Python makes halves of characters.
NOT_UTF_8 = (
    "A text of this command is not UTF-8. Is the terminal set to it (LC_ALL=C.UTF-8)? From a file of another encoding: "
    "`iconv -f ISO-8859-1 -t UTF-8`. Nothing was sent."
)


class UsageError(CommandFailed):
    exit_status = USAGE


class Refused(CommandFailed):
    """The API's error, as OpenAI's shape has it: message, and the parameter that it is about. `request_id`: what finds
    the request in the log, where the answer has named it."""

    request_id = ""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code

    def __str__(self) -> str:
        details = [str(self.status)]
        details += [f"param {self.param}"] if self.param else []
        details += [self.code] if self.code else []
        details += [f"request {self.request_id}"] if self.request_id else []
        return f"{self.message} ({', '.join(details)})"

    @property
    def fix(self) -> str:  # type: ignore[override]
        return FIXES.get(self.status, "")


class Unreachable(CommandFailed):
    """`after_s`: how long to wait, where the answer says it."""

    def __init__(self, message: str, after_s: float = 0.0, fix: str = ""):
        super().__init__(message)
        self.after_s = after_s
        self.fix = fix


class Broken(CommandFailed):
    pass
