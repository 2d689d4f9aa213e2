"""What the laptop's AWS answers instead of what was asked for, in the service's own words."""


class Refused(Exception):
    """`code`: The service's name of the error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
