"""In: texts and analyses. Out: the same from an object store, by content hash or reference.

A text is written once, because its name is its hash. The store's errors are raised as ours.

obstore reads the AWS_* variables for S3 itself: deploy/README.md#content-on-s3.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, MemoryStore, from_url
from pydantic import ValidationError

from archon.contracts.analysis import AnalysisResult
from archon.contracts.errors import StoreUnavailableError
from archon.runtime.reasons import place
from archon.runtime.settings import Settings
from archon.runtime.telemetry import tracing

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_ATTEMPT: Final = timedelta(seconds=10)
_PROBE_BYTES: Final = 4096
"""One block: smaller data may fit into already allocated space of a full file system."""
_RETRIES: Final["RetryConfig"] = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
}
"""The driver's default retries would take minutes to report an outage; callers retry anyway."""


@contextlib.contextmanager
def translated(url: str = "") -> Iterator[None]:
    """Raises the store's errors as ours."""
    try:
        yield
    except (BaseError, OSError) as error:
        # A wrong key or bucket is a configuration error, unrelated to a document: wait until it is repaired.
        reason = " ".join(str(error).partition("\n\nDebug source")[0].split())[:500]
        where = f"{place(url, 'content_store_url')}: " if url else ""
        raise StoreUnavailableError("content", f"{where}{reason}") from error


def _no_bucket(error: Exception) -> bool:
    """S3 answers 404 for a missing bucket as for a missing key."""
    return "<Code>NoSuchBucket</Code>" in str(error)


class ContentStore:
    """Texts below content/, analyses below analysis/, by content; lists below backfill/. Raises StoreError.

    An analysis' reference is its content hash, a slash, and a suffix that distinguishes analyses of the same
    content.
    """

    def __init__(self, store: Any, url: str = "") -> None:
        self._store = store
        self._url = url
        # Unique, so that processes do not remove each other's; a killed process leaves at most one.
        self._probe = f"ping-{uuid4()}"

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """By URL: file:///path, memory:// (this process only) or s3://bucket/prefix."""
        url = settings.content_store_url
        with translated(url):
            if url.startswith("file://"):
                return cls(LocalStore.from_url(url, mkdir=True, automatic_cleanup=True), url)
            if url.startswith("memory:"):
                return cls(MemoryStore(), url)
            return cls(from_url(url, client_options=_client_options(), retry_config=_RETRIES), url)

    async def ping(self) -> None:
        """Raises StoreError. Writes to files, because a full disk still allows reads; on S3 reads a missing
        key, because each write costs money."""
        if not isinstance(self._store, LocalStore):
            await self._get("ping")
            return
        with translated(self._url):
            await obstore.put_async(self._store, self._probe, bytes(_PROBE_BYTES))
        await self._delete(self._probe)

    async def put_text(self, content_hash: str, text: str) -> None:
        """Stores a text; an existing one is kept."""
        with tracing.within("content put"), translated(self._url), contextlib.suppress(AlreadyExistsError):
            await obstore.put_async(self._store, _key("content", content_hash), text.encode(), mode="create")

    async def get_text(self, content_hash: str) -> str | None:
        """None if there is no such text."""
        data = await self._get(_key("content", content_hash))
        return None if data is None else data.decode()

    async def put_analysis(self, reference: str, result: AnalysisResult) -> None:
        """Stores an analysis, replacing one with the same reference."""
        with tracing.within("content put"), translated(self._url):
            await obstore.put_async(
                self._store, _key("analysis", reference), result.model_dump_json().encode()
            )

    async def get_analysis(self, reference: str) -> AnalysisResult | None:
        """None if there is none, or the current model cannot read it."""
        data = await self._get(_key("analysis", reference))
        if data is None:
            return None
        try:
            return AnalysisResult.model_validate_json(data)
        except ValidationError:
            return None

    async def has_text(self, content_hash: str) -> bool:
        with tracing.within("content head"), translated(self._url):
            try:
                await obstore.head_async(self._store, _key("content", content_hash))
            except (NotFoundError, FileNotFoundError) as error:
                if _no_bucket(error):
                    raise
                return False
        return True

    async def analyses(self, content_hash: str) -> list[str]:
        """The references of all analyses of a content."""
        prefix = _key("analysis", content_hash)
        with tracing.within("content list"), translated(self._url):
            found = await obstore.list(self._store, prefix=prefix).collect_async()
        return sorted(f"{content_hash}/{each['path'].rpartition('/')[2]}" for each in found)

    async def put_list(self, name: str, items: Sequence[str]) -> None:
        """Stores a list of ids that is too long for a payload."""
        with tracing.within("content put"), translated(self._url):
            await obstore.put_async(self._store, _list_key(name), json.dumps(list(items)).encode())

    async def get_list(self, name: str) -> list[str] | None:
        """None if there is no such list."""
        data = await self._get(_list_key(name))
        return None if data is None else [str(each) for each in json.loads(data)]

    async def delete_list(self, name: str) -> None:
        await self._delete(_list_key(name))

    async def delete_text(self, content_hash: str) -> None:
        await self._delete(_key("content", content_hash))

    async def delete_analysis(self, reference: str) -> None:
        await self._delete(_key("analysis", reference))

    async def _delete(self, key: str) -> None:
        with (
            tracing.within("content delete"),
            translated(self._url),
            contextlib.suppress(NotFoundError, FileNotFoundError),
        ):
            await obstore.delete_async(self._store, key)

    async def _get(self, key: str) -> bytes | None:
        with tracing.within("content get"), translated(self._url):
            try:
                response = await obstore.get_async(self._store, key)
                return bytes(await response.bytes_async())
            except (NotFoundError, FileNotFoundError) as error:
                if _no_bucket(error):
                    raise
                return None


def _client_options() -> "ClientConfig":
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    return {
        "connect_timeout": timedelta(seconds=2),
        "timeout": _ATTEMPT,
        # An http endpoint is intended; every request is signed, and none contains the key.
        "allow_http": endpoint.startswith("http://"),
    }


def _list_key(name: str) -> str:
    return f"backfill/{name}"


def _key(kind: str, name: str) -> str:
    return f"{kind}/{name[:2]}/{name}"
