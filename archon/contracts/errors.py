"""In: what drivers and services do wrong. Out: the errors our own code raises and catches.

ArchonError
├── InvalidInputError            the caller's data; names the field
│   ├── TooLargeError            more of it than is taken
│   ├── UnreadableBodyError      a body that cannot be decoded
│   └── UnsupportedMediaError    a content type, charset or encoding that is not taken
├── NotFoundError
├── ProjectConflictError         a document's project never changes
├── ContentMissingError          no text under that hash
├── PublishError                 Kafka did not acknowledge
├── TopicUnavailableError        a topic cannot be read
├── TooManyStreamsError          as many streams or replays are open as may be
├── NotParkedError               no run of the document waits for an operator
├── UnauthorizedError            no valid API key
├── ForbiddenError               a valid API key that does not allow this
├── RateLimitedError             too many requests; says when to come back
├── ConfigurationError           settings that we do not start with
├── SetupError                   a part is there, but not as this product needs it
├── StoreError
│   ├── StoreUnavailableError    unreachable or timed out: wait and try again
│   ├── StoreConflictError       lost a race with another writer: try again
│   ├── StoreMismatchError       there, but not as this product needs it: its operator mends it
│   ├── StoreOutageError         unavailable for longer than the outage budget
│   └── StoreRejectedError       the request or what is stored is at fault, and repetition mends neither
├── IntelligenceError
│   ├── IntelligenceUnavailableError   unreachable, timed out or 5xx
│   ├── IntelligenceThrottledError     429; may say when to come back
│   ├── IntelligenceAuthError          401 or 403: our configuration, not the document
│   ├── IntelligenceRejectedError      another 4xx: this document
│   ├── IntelligenceResponseError      an answer that is not what the API promises
│   └── IntelligenceOutageError        unavailable for longer than the outage budget
├── WorkflowUnavailableError     Temporal unreachable
├── StackUnavailableError        no `enrich up` runs there
├── AlreadyRunningError          a run of which there is one at a time is under way
└── RunFailedError               a run that was waited for has failed
"""


class ArchonError(Exception):
    """Base of every error of ours."""


class InvalidInputError(ArchonError):
    """A value the caller must correct. `field` is its path in the input, e.g. `metadata.last_modified`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class TooLargeError(InvalidInputError):
    """A value that is larger than what is taken."""


class UnreadableBodyError(InvalidInputError):
    """A body whose bytes are not what its headers say."""


class UnsupportedMediaError(InvalidInputError):
    """A body of a kind that is not taken. `field` is the header that names it."""


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
    """The content store holds nothing under that reference."""


class PublishError(ArchonError):
    """Kafka did not acknowledge an event in time."""


class TopicUnavailableError(ArchonError):
    """Kafka cannot be reached, or has no such topic."""


class TooManyStreamsError(ArchonError):
    """The process has as many streams open, or replays under way, as it may have."""


class NotParkedError(ArchonError):
    """No run of the document waits for a retry or a discard."""


class UnauthorizedError(ArchonError):
    """The caller has shown no API key, or one that is unknown, wrong or expired."""


class ForbiddenError(ArchonError):
    """The caller's API key does not allow this."""


class RateLimitedError(ArchonError):
    """The caller's API key has made its requests. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"too many requests; come back in {retry_after:.1f} s")
        self.retry_after = retry_after


class ConfigurationError(ArchonError):
    """A setting that is wrong, or unsafe; names it."""


class SetupError(ArchonError):
    """A part that set-up has found cannot serve us as it is; only its operator may change that."""


class StoreError(ArchonError):
    """Base of what a store does wrong; `store` names it: graph, vectors or content."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store}: {reason}")
        self.store = store


class StoreUnavailableError(StoreError):
    """The store cannot be reached, did not answer in time, or refuses for a reason that is not the request's.
    `retry_after`: the seconds that it wants to be left alone for, None where it did not say."""

    def __init__(self, store: str, reason: str, retry_after: float | None = None) -> None:
        super().__init__(store, reason)
        self.retry_after = retry_after


class StoreConflictError(StoreError):
    """Another writer won; the same write may be tried again."""


class StoreMismatchError(StoreError):
    """The store answers, but what it has is not what is wanted; names the difference."""


class StoreOutageError(StoreError):
    """Has been unavailable for longer than the outage budget."""


class StoreRejectedError(StoreError):
    """What was to be written or read is at fault: a value that the store does not take, or a node or point
    that others have spoilt."""


class IntelligenceError(ArchonError):
    """Base of what the intelligence service does wrong."""


class IntelligenceUnavailableError(IntelligenceError):
    """Unreachable, timed out, or answered 5xx."""


class IntelligenceThrottledError(IntelligenceError):
    """Answered 429. `retry_after` is in seconds, None where the service did not say."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class IntelligenceAuthError(IntelligenceError):
    """Answered 401 or 403."""


class IntelligenceRejectedError(IntelligenceError):
    """Answered another 4xx: it will not take this document."""


class IntelligenceResponseError(IntelligenceError):
    """Answered 2xx with a body that is not an analysis."""


class IntelligenceOutageError(IntelligenceError):
    """Has not answered for longer than the outage budget."""


class WorkflowUnavailableError(ArchonError):
    """Temporal cannot be reached or refused for now."""


class StackUnavailableError(ArchonError):
    """No `enrich up` runs on that data directory, or it has ended."""


class AlreadyRunningError(ArchonError):
    """A workflow of which there is one at a time is under way."""


class RunFailedError(ArchonError):
    """A workflow that was waited for has failed, or was ended by hand."""


_SERVICES: dict[type[ArchonError], str] = {
    IntelligenceError: "intelligence",
    PublishError: "kafka",
    TopicUnavailableError: "kafka",
    WorkflowUnavailableError: "temporal",
}


def service_of(error: ArchonError) -> str | None:
    """The service or server that an error is about: a store's name, intelligence, kafka or temporal."""
    return service_named(type(error).__name__, str(error))


def service_named(error_type: str, message: str) -> str | None:
    """The same of an error that is known by the name of its class, as Temporal hands it on."""
    found = globals().get(error_type)
    if not (isinstance(found, type) and issubclass(found, ArchonError)):
        return None
    if issubclass(found, StoreError):
        return message.partition(":")[0]
    return next((name for each, name in _SERVICES.items() if issubclass(found, each)), None)
