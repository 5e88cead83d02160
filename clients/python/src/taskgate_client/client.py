"""A client with a deadline on every call."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import grpc

from taskgate.v1 import authorization_pb2 as pb
from taskgate.v1 import authorization_pb2_grpc as pb_grpc
from taskgate_client.errors import CouldNotTell, Forbidden, InvalidCheck, NotFound

Operation = Literal["create", "read", "update", "delete", "execute", "cancel", "share"]

DEFAULT_TIMEOUT_SECONDS = 1.0

_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Allowed:
    """What an allowed check tells."""

    task_id: str | None
    """The task that was checked; None if none was that exists, as with create."""
    checked_at: str
    """The revision that decided; good for `at_least_as_fresh`."""


class TaskgateClient:
    """A client of one taskgate, for any number of threads. It connects with its first call."""

    rpc: pb_grpc.AuthorizationServiceStub
    """Every RPC, with gRPC's own errors. Give each call a timeout and, if taskgate wants one, `metadata=client.metadata()`."""

    def __init__(
        self,
        target: str,
        *,
        token: str | Callable[[], str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """
        `target` is `host:port` or `unix:/path`. `token` is sent as a bearer token; a function is asked before each call.
        `timeout_seconds` is for the whole of a check, connecting included. Without `credentials` it is plain text.
        """
        self._timeout_seconds = _check_timeout(timeout_seconds)
        self._token = token
        self.metadata()
        # A proxy from the environment would see the token.
        options = [("grpc.enable_http_proxy", 0)]
        self._channel = (
            grpc.insecure_channel(target, options)
            if credentials is None
            else grpc.secure_channel(target, credentials, options)
        )
        self.rpc = pb_grpc.AuthorizationServiceStub(self._channel)

    def require_task(
        self,
        principal: pb.Principal,
        resource: pb.ResourceRef,
        operation: Operation,
        *,
        consistency: pb.Consistency | None = None,
        create_if_absent: bool = False,
        parent: pb.ResourceRef | None = None,
        timeout_seconds: float | None = None,
    ) -> Allowed:
        """
        Returns if the operation is allowed, and raises otherwise.

        Raises NotFound, Forbidden: it was decided. CouldNotTell: it was not. InvalidCheck: it never will be.
        """
        timeout = self._timeout_seconds if timeout_seconds is None else _check_timeout(timeout_seconds)
        try:
            request = pb.CheckTaskRequest(
                principal=principal,
                resource=resource,
                operation=pb.Operation.Value(f"OPERATION_{operation.upper()}"),
                consistency=consistency,
                create_if_absent=create_if_absent,
                parent=parent,
            )
        except (AttributeError, TypeError, ValueError) as error:
            raise InvalidCheck("the check does not fit into a request") from error
        try:
            response = self.rpc.CheckTask(request, timeout=timeout, metadata=self.metadata())
        except grpc.RpcError as error:
            raise _from_rpc_error(error) from error
        match response.decision:
            case pb.DECISION_ALLOWED:
                return Allowed(task_id=response.task_id or None, checked_at=response.checked_at)
            case pb.DECISION_NOT_FOUND:
                raise NotFound
            case pb.DECISION_FORBIDDEN:
                raise Forbidden
            case _:
                # A newer taskgate may say what this client has no word for.
                raise CouldNotTell("unknown_decision")

    def metadata(self) -> Sequence[tuple[str, str]]:
        """What proves to taskgate who asks. Raises ValueError, which does not say the token, if the token is none."""
        token = self._token() if callable(self._token) else self._token
        if token is None:
            return ()
        if _TOKEN.fullmatch(token) is None:
            raise ValueError("the token is not printable ASCII")
        return (("authorization", f"Bearer {token}"),)

    def close(self) -> None:
        """Ends the connection, and every call that waits."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _check_timeout(timeout_seconds: float) -> float:
    if not 0.001 <= timeout_seconds <= 60:
        raise ValueError("timeout_seconds must be 0.001 to 60")
    return timeout_seconds


def _from_rpc_error(error: grpc.RpcError) -> CouldNotTell | InvalidCheck:
    """No status code becomes a decision, NOT_FOUND neither."""
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return InvalidCheck("taskgate refuses the check as invalid")
    return CouldNotTell(code.name.lower())
