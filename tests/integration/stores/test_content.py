"""The content store's behaviour, on files and in memory; ARCHON_TEST_CONTENT_URL adds another one."""

import asyncio
import os
from pathlib import Path
from uuid import uuid4

import pytest

from archon.contracts import identity
from archon.contracts.errors import StoreRejectedError, StoreUnavailableError
from archon.runtime.settings import Settings
from archon.stores.content import ContentStore
from tests import factories

URLS = ["file", "memory://", *filter(None, [os.environ.get("ARCHON_TEST_CONTENT_URL")])]


@pytest.fixture(params=URLS)
def content(request: pytest.FixtureRequest, tmp_path: Path) -> ContentStore:
    url = tmp_path.as_uri() if request.param == "file" else request.param
    return ContentStore.open(Settings(content_store_url=url))


@pytest.mark.parametrize("text", ["", "x = 1\n", "naïve ☃ 𝄞", "a\0b", "long " * 200_000])
async def test_a_text_comes_back_as_it_was(content: ContentStore, text: str) -> None:
    key = identity.content_hash(text)
    await content.put_text(key, text)
    assert await content.get_text(key) == text


async def test_a_text_is_written_once(content: ContentStore) -> None:
    key = identity.content_hash(str(uuid4()))
    await asyncio.gather(*(content.put_text(key, "first") for _ in range(8)))
    await content.put_text(key, "second")
    assert await content.get_text(key) == "first"


async def test_what_is_not_there_is_none(content: ContentStore) -> None:
    assert await content.get_text("0" * 64) is None
    assert await content.get_analysis("0" * 64) is None
    await content.delete_text("0" * 64)


async def test_an_analysis_comes_back_as_it_was(content: ContentStore) -> None:
    result = factories.analysis("f", "g", quality_score=None, embedding=None)
    await content.put_analysis("a" * 64, factories.analysis("old"))
    await content.put_analysis("a" * 64, result)
    assert await content.get_analysis("a" * 64) == result


async def test_a_deleted_text_is_gone(content: ContentStore) -> None:
    await content.put_text("b" * 64, "x")
    await content.delete_text("b" * 64)
    assert await content.get_text("b" * 64) is None


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises((StoreUnavailableError, StoreRejectedError), match="content"):
        await ContentStore.open(Settings(content_store_url=(tmp_path / "file" / "x").as_uri())).put_text(
            "c" * 64, ""
        )
