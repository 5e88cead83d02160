"""The client against a gRPC server that answers what it is told."""

import socket
import time
import unittest
from concurrent import futures

import grpc

from taskgate.v1 import authorization_pb2 as pb
from taskgate.v1 import authorization_pb2_grpc as pb_grpc
from taskgate_client import Allowed, CouldNotTell, Forbidden, InvalidCheck, NotFound, TaskgateClient

ALICE = pb.Principal(user_id="alice", account_id="acme")
MESSAGE = pb.ResourceRef(type="message", id="msg-1")


class StagedService(pb_grpc.AuthorizationServiceServicer):
    """Answers with `response`, or with the status `code` if there is one."""

    def __init__(self) -> None:
        self.response = pb.CheckTaskResponse()
        self.code: grpc.StatusCode | None = None
        self.requests: list[pb.CheckTaskRequest] = []
        self.metadata: dict[str, str] = {}
        self.seconds_left = 0.0

    def CheckTask(self, request: pb.CheckTaskRequest, context: grpc.ServicerContext) -> pb.CheckTaskResponse:
        self.requests.append(request)
        self.metadata = dict(context.invocation_metadata())
        self.seconds_left = context.time_remaining()
        if self.code is not None:
            context.abort(self.code, "task-1 of globex")
        return self.response


class RequireTaskTest(unittest.TestCase):
    def setUp(self) -> None:
        self.service = StagedService()
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
        pb_grpc.add_AuthorizationServiceServicer_to_server(self.service, server)
        self.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        self.client = TaskgateClient(self.target, timeout_seconds=5)
        self.addCleanup(self.client.close)

    def require(self) -> Allowed:
        return self.client.require_task(ALICE, MESSAGE, "read")

    def test_returns_what_is_allowed(self) -> None:
        self.service.response = pb.CheckTaskResponse(decision="DECISION_ALLOWED", task_id="task-1", checked_at="7")
        self.assertEqual(self.require(), Allowed(task_id="task-1", checked_at="7"))
        self.service.response = pb.CheckTaskResponse(decision="DECISION_ALLOWED", checked_at="7")
        self.assertEqual(self.require(), Allowed(task_id=None, checked_at="7"))

    def test_raises_what_was_decided_otherwise(self) -> None:
        for decision, error in [("DECISION_NOT_FOUND", NotFound), ("DECISION_FORBIDDEN", Forbidden)]:
            self.service.response = pb.CheckTaskResponse(decision=decision)
            with self.subTest(decision), self.assertRaises(error):
                self.require()

    def test_no_decision_that_it_does_not_know_is_an_answer(self) -> None:
        for decision in [0, 99]:
            self.service.response = pb.CheckTaskResponse(decision=decision, task_id="task-1")
            with self.subTest(decision), self.assertRaises(CouldNotTell):
                self.require()

    def test_no_status_is_an_answer(self) -> None:
        for code in grpc.StatusCode:
            if code is grpc.StatusCode.OK:
                continue
            self.service.code = code
            expected = InvalidCheck if code is grpc.StatusCode.INVALID_ARGUMENT else CouldNotTell
            with self.subTest(code), self.assertRaises(expected) as raised:
                self.require()
            self.assertNotIn("task-1", str(raised.exception))

    def test_sends_the_check_its_deadline_and_the_token(self) -> None:
        self.service.response = pb.CheckTaskResponse(decision="DECISION_ALLOWED")
        parent = pb.ResourceRef(type="task", name="report")
        with TaskgateClient(self.target, token=lambda: "a-token", timeout_seconds=3) as client:
            client.require_task(
                ALICE,
                MESSAGE,
                "share",
                consistency=pb.Consistency(fully_consistent=True),
                create_if_absent=True,
                parent=parent,
            )
        self.assertEqual(
            self.service.requests,
            [
                pb.CheckTaskRequest(
                    principal=ALICE,
                    resource=MESSAGE,
                    operation="OPERATION_SHARE",
                    consistency=pb.Consistency(fully_consistent=True),
                    create_if_absent=True,
                    parent=parent,
                )
            ],
        )
        self.assertEqual(self.service.metadata["authorization"], "Bearer a-token")
        self.assertTrue(0 < self.service.seconds_left <= 3.1)

    def test_refuses_what_is_no_check(self) -> None:
        for principal, operation in [(ALICE, "unspecify"), (ALICE, None), ("alice", "read")]:
            with self.subTest(operation=operation), self.assertRaises(InvalidCheck):
                self.client.require_task(principal, MESSAGE, operation)
        self.assertEqual(self.service.requests, [])


class AwayTest(unittest.TestCase):
    def test_gives_up_at_the_deadline(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            with TaskgateClient(f"127.0.0.1:{port}", timeout_seconds=0.1) as client:
                started = time.monotonic()
                with self.assertRaises(CouldNotTell):
                    client.require_task(ALICE, MESSAGE, "read")
                self.assertLess(time.monotonic() - started, 10)

    def test_nobody_there_is_no_answer(self) -> None:
        with TaskgateClient("127.0.0.1:1", timeout_seconds=10) as client, self.assertRaises(CouldNotTell) as raised:
            client.require_task(ALICE, MESSAGE, "read")
        self.assertEqual(raised.exception.code, "unavailable")

    def test_refuses_wrong_options_without_telling_the_token(self) -> None:
        for timeout in [0, -1, float("nan"), float("inf")]:
            with self.subTest(timeout), self.assertRaises(ValueError):
                TaskgateClient("127.0.0.1:1", timeout_seconds=timeout)
        with self.assertRaises(ValueError) as raised:
            TaskgateClient("127.0.0.1:1", token="secret\r\nx: y")
        self.assertNotIn("secret", str(raised.exception))


if __name__ == "__main__":
    unittest.main()
