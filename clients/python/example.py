"""Asks a running `npm start` three things: `python clients/python/example.py [gRPC address]`"""

import sys

from taskgate_client import NotFound, Principal, ResourceRef, TaskgateClient

QUESTIONS = [("alice", "msg-1"), ("dave", "msg-1"), ("dave", "no-such-msg")]


def main(target: str) -> None:
    with TaskgateClient(target, timeout_seconds=5) as client:
        for user_id, message_id in QUESTIONS:
            try:
                allowed = client.require_task(
                    Principal(user_id=user_id, account_id="acme"),
                    ResourceRef(type="message", id=message_id),
                    "read",
                )
                told = f"allowed, on {allowed.task_id}"
            except NotFound:
                told = "not found"
            print(f"{user_id} reads {message_id}: {told}")


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["127.0.0.1:50051"])
