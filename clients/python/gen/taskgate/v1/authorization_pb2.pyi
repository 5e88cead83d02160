from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Operation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_UNSPECIFIED: _ClassVar[Operation]
    OPERATION_CREATE: _ClassVar[Operation]
    OPERATION_READ: _ClassVar[Operation]
    OPERATION_UPDATE: _ClassVar[Operation]
    OPERATION_DELETE: _ClassVar[Operation]
    OPERATION_EXECUTE: _ClassVar[Operation]
    OPERATION_CANCEL: _ClassVar[Operation]
    OPERATION_SHARE: _ClassVar[Operation]

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_OWNER: _ClassVar[Role]
    ROLE_EDITOR: _ClassVar[Role]
    ROLE_VIEWER: _ClassVar[Role]
    ROLE_EXECUTOR: _ClassVar[Role]

class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_UNSPECIFIED: _ClassVar[Decision]
    DECISION_ALLOWED: _ClassVar[Decision]
    DECISION_NOT_FOUND: _ClassVar[Decision]
    DECISION_FORBIDDEN: _ClassVar[Decision]

class LegacyAnswer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEGACY_ANSWER_UNSPECIFIED: _ClassVar[LegacyAnswer]
    LEGACY_ANSWER_ALLOWED: _ClassVar[LegacyAnswer]
    LEGACY_ANSWER_DENIED: _ClassVar[LegacyAnswer]
OPERATION_UNSPECIFIED: Operation
OPERATION_CREATE: Operation
OPERATION_READ: Operation
OPERATION_UPDATE: Operation
OPERATION_DELETE: Operation
OPERATION_EXECUTE: Operation
OPERATION_CANCEL: Operation
OPERATION_SHARE: Operation
ROLE_UNSPECIFIED: Role
ROLE_OWNER: Role
ROLE_EDITOR: Role
ROLE_VIEWER: Role
ROLE_EXECUTOR: Role
DECISION_UNSPECIFIED: Decision
DECISION_ALLOWED: Decision
DECISION_NOT_FOUND: Decision
DECISION_FORBIDDEN: Decision
LEGACY_ANSWER_UNSPECIFIED: LegacyAnswer
LEGACY_ANSWER_ALLOWED: LegacyAnswer
LEGACY_ANSWER_DENIED: LegacyAnswer

class Principal(_message.Message):
    __slots__ = ("user_id", "service_account_id", "agent_id", "account_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    service_account_id: str
    agent_id: str
    account_id: str
    def __init__(self, user_id: _Optional[str] = ..., service_account_id: _Optional[str] = ..., agent_id: _Optional[str] = ..., account_id: _Optional[str] = ...) -> None: ...

class ResourceRef(_message.Message):
    __slots__ = ("type", "id", "name")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    type: str
    id: str
    name: str
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class Consistency(_message.Message):
    __slots__ = ("minimize_latency", "at_least_as_fresh", "fully_consistent")
    MINIMIZE_LATENCY_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_AS_FRESH_FIELD_NUMBER: _ClassVar[int]
    FULLY_CONSISTENT_FIELD_NUMBER: _ClassVar[int]
    minimize_latency: bool
    at_least_as_fresh: str
    fully_consistent: bool
    def __init__(self, minimize_latency: _Optional[bool] = ..., at_least_as_fresh: _Optional[str] = ..., fully_consistent: _Optional[bool] = ...) -> None: ...

class CheckTaskRequest(_message.Message):
    __slots__ = ("principal", "resource", "operation", "consistency", "create_if_absent", "parent", "legacy_answer")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    CREATE_IF_ABSENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    LEGACY_ANSWER_FIELD_NUMBER: _ClassVar[int]
    principal: Principal
    resource: ResourceRef
    operation: Operation
    consistency: Consistency
    create_if_absent: bool
    parent: ResourceRef
    legacy_answer: LegacyAnswer
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., resource: _Optional[_Union[ResourceRef, _Mapping]] = ..., operation: _Optional[_Union[Operation, str]] = ..., consistency: _Optional[_Union[Consistency, _Mapping]] = ..., create_if_absent: _Optional[bool] = ..., parent: _Optional[_Union[ResourceRef, _Mapping]] = ..., legacy_answer: _Optional[_Union[LegacyAnswer, str]] = ...) -> None: ...

class CheckTaskResponse(_message.Message):
    __slots__ = ("decision", "task_id", "checked_at")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    CHECKED_AT_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    task_id: str
    checked_at: str
    def __init__(self, decision: _Optional[_Union[Decision, str]] = ..., task_id: _Optional[str] = ..., checked_at: _Optional[str] = ...) -> None: ...

class BatchCheckTaskRequest(_message.Message):
    __slots__ = ("principal", "checks")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    principal: Principal
    checks: _containers.RepeatedCompositeFieldContainer[BatchCheckTaskItem]
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., checks: _Optional[_Iterable[_Union[BatchCheckTaskItem, _Mapping]]] = ...) -> None: ...

class BatchCheckTaskItem(_message.Message):
    __slots__ = ("resource", "operation", "consistency", "create_if_absent", "parent", "legacy_answer")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    CREATE_IF_ABSENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    LEGACY_ANSWER_FIELD_NUMBER: _ClassVar[int]
    resource: ResourceRef
    operation: Operation
    consistency: Consistency
    create_if_absent: bool
    parent: ResourceRef
    legacy_answer: LegacyAnswer
    def __init__(self, resource: _Optional[_Union[ResourceRef, _Mapping]] = ..., operation: _Optional[_Union[Operation, str]] = ..., consistency: _Optional[_Union[Consistency, _Mapping]] = ..., create_if_absent: _Optional[bool] = ..., parent: _Optional[_Union[ResourceRef, _Mapping]] = ..., legacy_answer: _Optional[_Union[LegacyAnswer, str]] = ...) -> None: ...

class FilterReadableTasksRequest(_message.Message):
    __slots__ = ("principal", "resources", "operation", "consistency")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    principal: Principal
    resources: _containers.RepeatedCompositeFieldContainer[ResourceRef]
    operation: Operation
    consistency: Consistency
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., resources: _Optional[_Iterable[_Union[ResourceRef, _Mapping]]] = ..., operation: _Optional[_Union[Operation, str]] = ..., consistency: _Optional[_Union[Consistency, _Mapping]] = ...) -> None: ...

class FilterReadableTasksResponse(_message.Message):
    __slots__ = ("resources",)
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    resources: _containers.RepeatedCompositeFieldContainer[ResourceRef]
    def __init__(self, resources: _Optional[_Iterable[_Union[ResourceRef, _Mapping]]] = ...) -> None: ...

class ListReadableTasksRequest(_message.Message):
    __slots__ = ("principal", "operation", "page_size", "cursor", "consistency")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    principal: Principal
    operation: Operation
    page_size: int
    cursor: str
    consistency: Consistency
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., operation: _Optional[_Union[Operation, str]] = ..., page_size: _Optional[int] = ..., cursor: _Optional[str] = ..., consistency: _Optional[_Union[Consistency, _Mapping]] = ...) -> None: ...

class ListReadableTasksResponse(_message.Message):
    __slots__ = ("page", "unscoped", "complete")
    class Page(_message.Message):
        __slots__ = ("task_ids", "cursor")
        TASK_IDS_FIELD_NUMBER: _ClassVar[int]
        CURSOR_FIELD_NUMBER: _ClassVar[int]
        task_ids: _containers.RepeatedScalarFieldContainer[str]
        cursor: str
        def __init__(self, task_ids: _Optional[_Iterable[str]] = ..., cursor: _Optional[str] = ...) -> None: ...
    PAGE_FIELD_NUMBER: _ClassVar[int]
    UNSCOPED_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    page: ListReadableTasksResponse.Page
    unscoped: bool
    complete: bool
    def __init__(self, page: _Optional[_Union[ListReadableTasksResponse.Page, _Mapping]] = ..., unscoped: _Optional[bool] = ..., complete: _Optional[bool] = ...) -> None: ...

class BatchCheckTaskResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BatchCheckTaskResult]
    def __init__(self, results: _Optional[_Iterable[_Union[BatchCheckTaskResult, _Mapping]]] = ...) -> None: ...

class BatchCheckTaskResult(_message.Message):
    __slots__ = ("answer", "error")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    answer: CheckTaskResponse
    error: CheckError
    def __init__(self, answer: _Optional[_Union[CheckTaskResponse, _Mapping]] = ..., error: _Optional[_Union[CheckError, _Mapping]] = ...) -> None: ...

class CheckError(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class RegisterResourceRequest(_message.Message):
    __slots__ = ("principal", "resource", "parent")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    principal: Principal
    resource: ResourceRef
    parent: ResourceRef
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., resource: _Optional[_Union[ResourceRef, _Mapping]] = ..., parent: _Optional[_Union[ResourceRef, _Mapping]] = ...) -> None: ...

class RegisterResourceResponse(_message.Message):
    __slots__ = ("written_at",)
    WRITTEN_AT_FIELD_NUMBER: _ClassVar[int]
    written_at: str
    def __init__(self, written_at: _Optional[str] = ...) -> None: ...

class DeregisterResourceRequest(_message.Message):
    __slots__ = ("principal", "resource")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    principal: Principal
    resource: ResourceRef
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., resource: _Optional[_Union[ResourceRef, _Mapping]] = ...) -> None: ...

class DeregisterResourceResponse(_message.Message):
    __slots__ = ("written_at",)
    WRITTEN_AT_FIELD_NUMBER: _ClassVar[int]
    written_at: str
    def __init__(self, written_at: _Optional[str] = ...) -> None: ...

class RoleSubject(_message.Message):
    __slots__ = ("user_id", "service_account_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    service_account_id: str
    def __init__(self, user_id: _Optional[str] = ..., service_account_id: _Optional[str] = ...) -> None: ...

class GrantRoleRequest(_message.Message):
    __slots__ = ("principal", "resource", "role", "subject")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    principal: Principal
    resource: ResourceRef
    role: Role
    subject: RoleSubject
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., resource: _Optional[_Union[ResourceRef, _Mapping]] = ..., role: _Optional[_Union[Role, str]] = ..., subject: _Optional[_Union[RoleSubject, _Mapping]] = ...) -> None: ...

class GrantRoleResponse(_message.Message):
    __slots__ = ("written_at",)
    WRITTEN_AT_FIELD_NUMBER: _ClassVar[int]
    written_at: str
    def __init__(self, written_at: _Optional[str] = ...) -> None: ...

class RevokeRoleRequest(_message.Message):
    __slots__ = ("principal", "resource", "role", "subject")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    principal: Principal
    resource: ResourceRef
    role: Role
    subject: RoleSubject
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., resource: _Optional[_Union[ResourceRef, _Mapping]] = ..., role: _Optional[_Union[Role, str]] = ..., subject: _Optional[_Union[RoleSubject, _Mapping]] = ...) -> None: ...

class RevokeRoleResponse(_message.Message):
    __slots__ = ("written_at",)
    WRITTEN_AT_FIELD_NUMBER: _ClassVar[int]
    written_at: str
    def __init__(self, written_at: _Optional[str] = ...) -> None: ...
