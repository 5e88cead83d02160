"""What a check can end with other than allowed."""


class TaskgateError(Exception):
    """Everything that this package raises."""


class NotFound(TaskgateError):
    """Absent or denied: the two are one answer. Answer 404, as for a page that is not there."""

    def __init__(self) -> None:
        super().__init__("not found")


class Forbidden(TaskgateError):
    """The principal may not create here, or may read the resource but not do this. Answer 403."""

    def __init__(self) -> None:
        super().__init__("forbidden")


class CouldNotTell(TaskgateError):
    """Nothing was decided: it is neither allowed nor denied nor absent. Answer 503."""

    code: str
    """What went wrong, in the words of gRPC: `unavailable`, `deadline_exceeded`, … For logs."""

    def __init__(self, code: str) -> None:
        super().__init__(f"could not tell: {code}")
        self.code = code


class InvalidCheck(TaskgateError):
    """The check is wrong and will stay wrong: a mistake in the application. Answer 500."""
