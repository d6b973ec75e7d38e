"""In: failures of drivers and services. Out: the errors that our own code raises and catches.

ArchonError
├── InvalidInputError            the caller's data; `field` locates it
│   ├── TooLargeError            exceeds a size limit
│   ├── UnreadableBodyError      a body that cannot be decoded
│   └── UnsupportedMediaError    an unsupported content type, charset or encoding
├── NotFoundError
├── ProjectConflictError         a document's project never changes
├── ContentMissingError          no text under that hash
├── PublishError                 Kafka did not acknowledge an event
├── TopicUnavailableError        a topic is unreachable or missing
├── TooManyStreamsError          the limit of open streams or replays is reached
├── NotParkedError               no run of the document waits for an operator
├── UnauthorizedError            no valid API key
├── ForbiddenError               a valid API key without the right
├── RateLimitedError             too many requests; `retry_after` seconds
├── ConfigurationError           settings that prevent a start
├── SetupError                   a part's set-up is not the expected one
├── StoreError
│   ├── StoreUnavailableError    unreachable or timed out: try again later
│   ├── StoreConflictError       lost a race with another writer: try again
│   ├── StoreMismatchError       wrong data or schema: its operator must act
│   ├── StoreOutageError         unavailable for longer than the outage budget
│   └── StoreRejectedError       invalid request or damaged data: do not try again
├── IntelligenceError
│   ├── IntelligenceUnavailableError   unreachable, timed out or 5xx
│   ├── IntelligenceThrottledError     429; may have a `retry_after`
│   ├── IntelligenceAuthError          401 or 403: our configuration is wrong
│   ├── IntelligenceRejectedError      another 4xx: the document is not accepted
│   ├── IntelligenceResponseError      an answer that violates the API
│   └── IntelligenceOutageError        unavailable for longer than the outage budget
├── WorkflowUnavailableError     Temporal unreachable
├── StackUnavailableError        no `enrich up` runs there
├── AlreadyRunningError          a run that may exist once is already open
└── RunFailedError               an awaited run has failed
"""


class ArchonError(Exception):
    """Base of every error of ours."""


class InvalidInputError(ArchonError):
    """A value that the caller must correct. `field` is its path in the input, e.g.
    `metadata.last_modified`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class TooLargeError(InvalidInputError):
    """A value that exceeds a size limit."""


class UnreadableBodyError(InvalidInputError):
    """The bytes of a body do not match its headers."""


class UnsupportedMediaError(InvalidInputError):
    """A body of an unsupported kind. `field` is the header that names the kind."""


class NotFoundError(ArchonError):
    """There is no such document."""


class ProjectConflictError(ArchonError):
    """The document exists in another project."""

    def __init__(self, document_id: str) -> None:
        super().__init__(
            f"document {document_id} belongs to another project; a document's project never changes"
        )
        self.document_id = document_id


class ContentMissingError(ArchonError):
    """The content store has nothing under that reference."""


class PublishError(ArchonError):
    """Kafka did not acknowledge an event in time."""


class TopicUnavailableError(ArchonError):
    """Kafka is unreachable, or has no such topic."""


class TooManyStreamsError(ArchonError):
    """The process has reached its limit of open streams or running replays."""


class NotParkedError(ArchonError):
    """No run of the document waits for a retry or a discard."""


class UnauthorizedError(ArchonError):
    """The request has no API key, or an unknown, wrong or expired one."""


class ForbiddenError(ArchonError):
    """The caller's API key does not allow this."""


class RateLimitedError(ArchonError):
    """The API key has used up its request rate. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"too many requests; retry in {retry_after:.1f} s")
        self.retry_after = retry_after


class ConfigurationError(ArchonError):
    """A setting is wrong or unsafe; the message names it."""


class SetupError(ArchonError):
    """Set-up found a part that does not fit; only its operator may change it."""


class StoreError(ArchonError):
    """Base of store errors; `store` is graph, vectors or content."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store}: {reason}")
        self.store = store


class StoreUnavailableError(StoreError):
    """The store is unreachable, timed out, or refuses for a reason unrelated to the request. `retry_after`:
    requested wait in seconds, None if it did not say."""

    def __init__(self, store: str, reason: str, retry_after: float | None = None) -> None:
        super().__init__(store, reason)
        self.retry_after = retry_after


class StoreConflictError(StoreError):
    """Another writer won the race; the same write may be tried again."""


class StoreMismatchError(StoreError):
    """The store answers, but its data or schema is not the expected one; the message names the difference."""


class StoreOutageError(StoreError):
    """The store has been unavailable for longer than the outage budget."""


class StoreRejectedError(StoreError):
    """The request or the stored data is at fault: a value that the store does not accept, or a node or point
    that another program has damaged."""


class IntelligenceError(ArchonError):
    """Base of errors of the intelligence service."""


class IntelligenceUnavailableError(IntelligenceError):
    """The service is unreachable, timed out, or answered 5xx."""


class IntelligenceThrottledError(IntelligenceError):
    """The service answered 429. `retry_after` is in seconds, None if the service did not say."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class IntelligenceAuthError(IntelligenceError):
    """The service answered 401 or 403."""


class IntelligenceRejectedError(IntelligenceError):
    """The service answered another 4xx: it does not accept this document."""


class IntelligenceResponseError(IntelligenceError):
    """The service answered 2xx with a body that is not an analysis."""


class IntelligenceOutageError(IntelligenceError):
    """The service has been unavailable for longer than the outage budget."""


class WorkflowUnavailableError(ArchonError):
    """Temporal is unreachable, or refuses at the moment."""


class StackUnavailableError(ArchonError):
    """No `enrich up` runs on that data directory, or it has ended."""


class AlreadyRunningError(ArchonError):
    """A workflow that may run only once at a time is already running."""


class RunFailedError(ArchonError):
    """An awaited workflow failed, or somebody terminated it."""


_SERVICES: dict[type[ArchonError], str] = {
    IntelligenceError: "intelligence",
    PublishError: "kafka",
    TopicUnavailableError: "kafka",
    WorkflowUnavailableError: "temporal",
}


def service_of(error: ArchonError) -> str | None:
    """The service or server that an error is about: the name of a store, intelligence, kafka or temporal."""
    return service_named(type(error).__name__, str(error))


def service_named(error_type: str, message: str) -> str | None:
    """Like `service_of`, for an error that Temporal passes on as class name and message."""
    found = globals().get(error_type)
    if not (isinstance(found, type) and issubclass(found, ArchonError)):
        return None
    if issubclass(found, StoreError):
        return message.partition(":")[0]
    return next((name for each, name in _SERVICES.items() if issubclass(found, each)), None)
