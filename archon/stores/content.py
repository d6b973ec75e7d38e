"""In: texts and analyses. Out: the same, from an object store, by content hash and by reference.

A text is written once: its name is its hash. Errors of the store are told as ours.

S3 is found, and signed for, by the AWS_* variables that obstore reads by itself:
docs/operations.md#content-on-s3.
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
"""A block: a file system may have room for less in what it has allocated already."""
_RETRIES: Final["RetryConfig"] = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
}
"""The driver's own would take minutes to say that a server is down; whoever called tries again anyway."""


@contextlib.contextmanager
def translated(url: str = "") -> Iterator[None]:
    """Raise the store's errors as ours."""
    try:
        yield
    except (BaseError, OSError) as error:
        # A wrong key or bucket is our configuration and says nothing of a document: wait until it is mended.
        reason = " ".join(str(error).partition("\n\nDebug source")[0].split())[:500]
        where = f"{place(url, 'content_store_url')}: " if url else ""
        raise StoreUnavailableError("content", f"{where}{reason}") from error


def _no_bucket(error: Exception) -> bool:
    """S3 answers 404 for it as for a key that is not there."""
    return "<Code>NoSuchBucket</Code>" in str(error)


class ContentStore:
    """Texts under content/, analyses under analysis/, by content; lists under backfill/. Raises StoreError.

    An analysis' reference is the hash of its content, a slash, and what tells it from others of that content.
    """

    def __init__(self, store: Any, url: str = "") -> None:
        self._store = store
        self._url = url
        # Its own, so that processes do not remove each other's; one that is killed leaves at most this one.
        self._probe = f"ping-{uuid4()}"

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """By URL: file:///path, memory:// (this process alone) or s3://bucket/prefix."""
        url = settings.content_store_url
        with translated(url):
            if url.startswith("file://"):
                return cls(LocalStore.from_url(url, mkdir=True, automatic_cleanup=True), url)
            if url.startswith("memory:"):
                return cls(MemoryStore(), url)
            return cls(from_url(url, client_options=_client_options(), retry_config=_RETRIES), url)

    async def ping(self) -> None:
        """Raises StoreError. Files are written to, as a full disk can still be read; S3 is asked for what is
        not there, as it would be paid for each write."""
        if not isinstance(self._store, LocalStore):
            await self._get("ping")
            return
        with translated(self._url):
            await obstore.put_async(self._store, self._probe, bytes(_PROBE_BYTES))
        await self._delete(self._probe)

    async def put_text(self, content_hash: str, text: str) -> None:
        """Keep a text; one that is there already stays."""
        with tracing.within("content put"), translated(self._url), contextlib.suppress(AlreadyExistsError):
            await obstore.put_async(self._store, _key("content", content_hash), text.encode(), mode="create")

    async def get_text(self, content_hash: str) -> str | None:
        """None when there is no such text."""
        data = await self._get(_key("content", content_hash))
        return None if data is None else data.decode()

    async def put_analysis(self, reference: str, result: AnalysisResult) -> None:
        """Keep an analysis, replacing one under the same reference."""
        with tracing.within("content put"), translated(self._url):
            await obstore.put_async(
                self._store, _key("analysis", reference), result.model_dump_json().encode()
            )

    async def get_analysis(self, reference: str) -> AnalysisResult | None:
        """None when there is none, or only one that today's model cannot read."""
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
        """Keep a list of ids that is too long for a payload."""
        with tracing.within("content put"), translated(self._url):
            await obstore.put_async(self._store, _list_key(name), json.dumps(list(items)).encode())

    async def get_list(self, name: str) -> list[str] | None:
        """None when there is no such list."""
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
        # Whoever names an http endpoint means it; every request is signed, and none carries the key.
        "allow_http": endpoint.startswith("http://"),
    }


def _list_key(name: str) -> str:
    return f"backfill/{name}"


def _key(kind: str, name: str) -> str:
    return f"{kind}/{name[:2]}/{name}"
