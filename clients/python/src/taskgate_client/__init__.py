"""Asks taskgate whether a principal may do an operation on a resource."""

from taskgate.v1.authorization_pb2 import Consistency, Principal, ResourceRef
from taskgate_client.client import Allowed, Operation, TaskgateClient
from taskgate_client.errors import CouldNotTell, Forbidden, InvalidCheck, NotFound, TaskgateError

__all__ = [
    "Allowed",
    "Consistency",
    "CouldNotTell",
    "Forbidden",
    "InvalidCheck",
    "NotFound",
    "Operation",
    "Principal",
    "ResourceRef",
    "TaskgateClient",
    "TaskgateError",
]
