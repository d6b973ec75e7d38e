"""The content store on files, in memory and on S3; ARCHON_TEST_CONTENT_URL adds another one."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from archon.contracts import identity
from archon.contracts.errors import StoreUnavailableError
from archon.runtime.contents import Contents
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings
from archon.stores.content import ContentStore
from tests import factories
from tests.s3 import BUCKET, S3Server

URLS = ["file", "memory://", "s3", *filter(None, [os.environ.get("ARCHON_TEST_CONTENT_URL")])]


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    process = server.process()
    try:
        await process.start()
        yield server
    finally:
        await process.kill()  # a regular stop takes ten seconds


@pytest.fixture
def s3(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture(params=URLS)
def content(request: pytest.FixtureRequest, tmp_path: Path) -> ContentStore:
    url = tmp_path.as_uri() if request.param == "file" else request.param
    if request.param == "s3":
        request.getfixturevalue("s3")
        url = f"s3://{BUCKET}/{uuid4()}"
    return opened(url)


def opened(url: str) -> ContentStore:
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


async def test_a_store_that_serves_answers_a_ping(content: ContentStore) -> None:
    await content.ping()


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


async def test_the_analyses_of_a_content_are_found_and_deleted(content: ContentStore) -> None:
    mine, others = "a1" * 32, "a1" * 31 + "a2"
    for reference in (f"{mine}/{'1' * 64}", f"{mine}/{'2' * 64}", f"{others}/{'1' * 64}"):
        await content.put_analysis(reference, factories.analysis("f"))
    assert await content.analyses(mine) == [f"{mine}/{'1' * 64}", f"{mine}/{'2' * 64}"]
    for reference in await content.analyses(mine):
        await content.delete_analysis(reference)
        await content.delete_analysis(reference)
    assert await content.analyses(mine) == []
    assert await content.analyses(others) == [f"{others}/{'1' * 64}"]


async def test_whether_there_is_a_text_is_told_without_reading_it(content: ContentStore) -> None:
    key = identity.content_hash(str(uuid4()))
    assert not await content.has_text(key)
    await content.put_text(key, "x")
    assert await content.has_text(key)


async def test_no_empty_directory_names_a_content_that_is_gone(tmp_path: Path) -> None:
    content = opened(tmp_path.as_uri())
    await content.put_text("f" * 64, "x")
    await content.put_analysis(f"{'f' * 64}/{'1' * 64}", factories.analysis("f"))
    await content.delete_text("f" * 64)
    await content.delete_analysis(f"{'f' * 64}/{'1' * 64}")
    assert not [path for path in tmp_path.rglob("*") if "fff" in path.name]


@dataclass
class References:
    """Answers which contents live documents have: one of `answers` in turn, the last one repeatedly; or
    fails."""

    answers: Sequence[set[str] | BaseException]

    async def referenced(self, hashes: Sequence[str]) -> set[str]:
        answer, *rest = self.answers
        self.answers = rest or [answer]
        if isinstance(answer, BaseException):
            raise answer
        return answer & set(hashes)


async def test_contents_go_with_their_analyses_unless_a_document_has_them(content: ContentStore) -> None:
    gone, kept = (identity.content_hash(str(uuid4())) for _ in range(2))
    for key in (gone, kept):
        await content.put_text(key, "x")
        await content.put_analysis(f"{key}/{'1' * 64}", factories.analysis("f"))
    counts = await Contents(References([{kept}]), content).remove([gone, kept, "0" * 64])
    assert (counts.contents, counts.analyses, counts.contents_kept) == (2, 1, 1)
    assert [await content.get_text(key) for key in (gone, kept)] == [None, "x"]
    assert [len(await content.analyses(key)) for key in (gone, kept)] == [0, 1]


async def test_a_content_that_is_wanted_again_meanwhile_is_put_back(content: ContentStore) -> None:
    key = identity.content_hash(str(uuid4()))
    await content.put_text(key, "x")
    await content.put_analysis(f"{key}/{'1' * 64}", factories.analysis("f"))
    counts = await Contents(References([set(), {key}]), content).remove([key])
    assert (counts.contents, counts.analyses, counts.contents_kept) == (0, 0, 1)
    assert await content.get_text(key) == "x"
    assert await content.get_analysis(f"{key}/{'1' * 64}") == factories.analysis("f")


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailableError, match="content"):
        await ContentStore.open(Settings(content_store_url=(tmp_path / "file" / "x").as_uri())).put_text(
            "c" * 64, ""
        )


async def test_two_prefixes_of_a_bucket_are_two_stores(s3: S3Server) -> None:
    one, other = (opened(f"s3://{BUCKET}/{uuid4()}") for _ in range(2))
    await one.put_text("d" * 64, "x")
    assert (await one.get_text("d" * 64), await other.get_text("d" * 64)) == ("x", None)


async def test_one_of_many_racing_writers_wins_and_none_fails(s3: S3Server) -> None:
    stores = [opened(f"s3://{BUCKET}/race") for _ in range(8)]
    key = identity.content_hash(str(uuid4()))
    await asyncio.gather(*(store.put_text(key, str(number)) for number, store in enumerate(stores)))
    first = await stores[0].get_text(key)
    await asyncio.gather(*(store.put_text(key, "late") for store in stores))
    assert {await store.get_text(key) for store in stores} == {first}


@pytest.mark.parametrize(
    ("variables", "bucket", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, BUCKET, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, BUCKET, "InvalidAccessKeyId"),
        ({"AWS_SKIP_SIGNATURE": "true"}, BUCKET, "AccessDenied"),
        ({}, "no-such-bucket", "NoSuchBucket"),
        ({"AWS_ENDPOINT_URL": "nowhere"}, BUCKET, "error sending request"),
    ],
)
async def test_what_is_wrong_with_s3_is_told_soon(
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    *,
    variables: dict[str, str],
    bucket: str,
    says: str,
) -> None:
    for name, value in variables.items():
        address = f"http://{HOST}:{free_ports(1)[0]}"
        monkeypatch.setenv(name, address if value == "nowhere" else value)
    content = opened(f"s3://{bucket}/x")
    begun = time.monotonic()
    for call in (content.ping(), content.put_text("e" * 64, "x"), content.get_text("e" * 64)):
        with pytest.raises(StoreUnavailableError, match=f"content: .*{says}") as raised:
            await call
        assert "Debug source" not in str(raised.value)
    assert time.monotonic() - begun < 30


async def test_a_text_is_there_or_not_without_being_fetched(content: ContentStore) -> None:
    key = identity.content_hash("x")
    assert not await content.has_text(key)
    await content.put_text(key, "x")
    assert await content.has_text(key)


async def test_a_list_is_kept_until_it_is_deleted(content: ContentStore) -> None:
    ids = [str(uuid4()) for _ in range(500)]
    assert await content.get_list("run/0") is None
    await content.put_list("run/0", ids)
    assert await content.get_list("run/0") == ids
    await content.delete_list("run/0")
    await content.delete_list("run/0")
    assert await content.get_list("run/0") is None


async def test_analyses_that_nobody_can_read_go_as_well(tmp_path: Path) -> None:
    content, key = opened(tmp_path.as_uri()), identity.content_hash(str(uuid4()))
    await content.put_text(key, "x")
    reference = f"{key}/{'1' * 64}"
    await content.put_analysis(reference, factories.analysis("f"))
    (file,) = [each for each in tmp_path.rglob("*") if each.is_file() and "1" * 64 in each.name]
    file.write_bytes(b"of another release")
    counts = await Contents(References([set()]), content).remove([key])
    assert counts.analyses == 1
    assert await content.analyses(key) == []


async def test_one_who_finds_it_gone_leaves_it_to_who_posts_it_then(
    content: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = identity.content_hash(str(uuid4()))

    async def posted_meanwhile(_: str) -> None:
        """Another client has removed it, and somebody posts it before this one continues."""
        await content.put_text(key, "x")

    with monkeypatch.context() as patched:
        patched.setattr(content, "get_text", posted_meanwhile)
        await Contents(References([set(), {key}]), content).remove([key])
    assert await content.get_text(key) == "x"


@pytest.mark.parametrize("error", [StoreUnavailableError("graph", "away"), asyncio.CancelledError()])
async def test_what_was_deleted_is_put_back_where_nobody_says_who_needs_it(
    content: ContentStore, error: BaseException
) -> None:
    key = identity.content_hash(str(uuid4()))
    await content.put_text(key, "x")
    await content.put_analysis(f"{key}/{'1' * 64}", factories.analysis("f"))
    with pytest.raises(type(error)):
        await Contents(References([set(), error]), content).remove([key])
    assert await content.get_text(key) == "x"
    assert await content.analyses(key) == [f"{key}/{'1' * 64}"]
