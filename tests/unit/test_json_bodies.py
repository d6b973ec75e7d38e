"""The handling of a body by content type, charset, encoding and size, before any route runs."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import cramjam
import httpx
import pytest
from fastapi import APIRouter, FastAPI

from archon.contracts.documents import BatchSubmission, DocumentSubmission
from archon.runtime.http import problems
from archon.runtime.http.body_limit import BodyLimitMiddleware
from archon.runtime.http.json_bodies import JsonRoute

LIMIT, VALUES = 300_000, 12_000
JSON = "application/json"
DOCUMENT = {"project_id": "p", "source_path": "a.py", "full_text": "x = 'é'\n"}
BODY = json.dumps(DOCUMENT, ensure_ascii=False).encode()


def zipped(data: bytes) -> bytes:
    """Without the time, which would be a part of the tests' names."""
    return gzip.compress(data, mtime=0)


def zstd(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data))


def app() -> FastAPI:
    made, router = FastAPI(), APIRouter(route_class=JsonRoute)

    @router.post("/document")
    async def document(submission: DocumentSubmission) -> dict[str, Any]:
        return {"text": submission.full_text}

    @router.post("/documents")
    async def documents(batch: BatchSubmission) -> list[bool]:
        return [isinstance(each, DocumentSubmission) for each in batch.documents]

    problems.install(made)
    made.add_middleware(BodyLimitMiddleware, limit=LIMIT, values=VALUES)
    made.include_router(router)
    return made


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://bridge") as client:
        yield client


async def posted(
    http: httpx.AsyncClient, body: bytes, content_type: str | None = JSON, encoding: str | None = None
) -> httpx.Response:
    given = {"content-type": content_type, "content-encoding": encoding}
    headers = {name: value for name, value in given.items() if value is not None}
    return await http.post("/document", content=body, headers=headers)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, BODY),
        ("application/json; charset=utf-8", BODY),
        ('Application/JSON; Charset="UTF8"', BODY),
        ("application/vnd.api+json", BODY),
        (JSON, b"\xef\xbb\xbf" + BODY),
        ("application/json; charset=utf-8", b"\xef\xbb\xbf" + BODY),
        (JSON, BODY.decode().encode("utf-16")),
        ("application/json; charset=utf-16", BODY.decode().encode("utf-16")),
        ("application/json; charset=UTF-16LE", ("\ufeff" + BODY.decode()).encode("utf-16-le")),
        ("application/json; charset=us-ascii", json.dumps(DOCUMENT).encode()),
    ],
)
async def test_json_in_unicode_is_taken(http: httpx.AsyncClient, content_type: str, body: bytes) -> None:
    answer = await posted(http, body, content_type)
    assert (answer.status_code, answer.json()) == (200, {"text": DOCUMENT["full_text"]})


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        ("text/plain", "text/plain"),
        ("multipart/form-data; boundary=x", "multipart/form-data"),
        ("application/xml", "application/xml"),
        ("nonsense", "nonsense"),
        (None, "is missing"),
        ("application/json; charset=latin-1", "latin-1"),
        ("application/json; charset=utf-7", "utf-7"),
        ("application/json; charset=klingon", "klingon"),
        ("application/json; charset=idna", "idna"),
    ],
)
async def test_another_content_type_or_charset_is_named(
    http: httpx.AsyncClient, content_type: str | None, expected: str
) -> None:
    answer = await posted(http, BODY, content_type)
    assert (answer.status_code, answer.headers["content-type"]) == (415, problems.MEDIA_TYPE)
    (error,) = answer.json()["errors"]
    assert error["field"] == "Content-Type"
    assert expected in error["reason"]
    assert answer.headers["accept"] == JSON


@pytest.mark.threat
@pytest.mark.parametrize(
    "body",
    [
        json.dumps(DOCUMENT | {f"unknown {number}": number for number in range(VALUES)}).encode(),
        json.dumps(DOCUMENT | {"metadata": {str(number): {} for number in range(VALUES)}}).encode(),
        b'{"documents": [' + b"0, " * VALUES + b"0]}",
    ],
    ids=["unknown fields", "metadata", "documents"],
)
async def test_a_body_of_too_many_values_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await posted(http, body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "body", "reason": f"has more than {VALUES} values"}]


@pytest.mark.threat
async def test_twenty_errors_are_named(http: httpx.AsyncClient) -> None:
    unknown = {f"unknown {number}": number for number in range(50)}
    answer = await http.post("/documents", json={"documents": [DOCUMENT], **unknown})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("; and 30 more")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", zipped(BODY)),
        ("x-gzip", zipped(BODY)),
        ("GZIP", zipped(BODY[:10]) + zipped(BODY[10:])),
        ("zstd", zstd(BODY)),
        ("zstd", zstd(BODY[:10]) + zstd(BODY[10:])),
        ("gzip, zstd", zstd(zipped(BODY))),
        ("identity", BODY),
        ("identity, gzip", zipped(BODY)),
        ("", BODY),
    ],
)
async def test_a_compressed_body_is_decompressed(http: httpx.AsyncClient, encoding: str, body: bytes) -> None:
    answer = await posted(http, body, encoding=encoding)
    assert (answer.status_code, answer.json()) == (200, {"text": DOCUMENT["full_text"]})


@pytest.mark.parametrize("encoding", ["br", "deflate", "compress", "gzip, br", "gzip, gzip, gzip", "\xe9"])
async def test_another_encoding_is_named(http: httpx.AsyncClient, encoding: str) -> None:
    headers = [(b"content-type", JSON.encode()), (b"content-encoding", encoding.encode("latin-1"))]
    answer = await http.post("/document", content=BODY, headers=headers)
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["field"] == "Content-Encoding"
    assert answer.headers["accept-encoding"] == "gzip, zstd"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", BODY),
        ("gzip", zipped(BODY)[:-1]),
        ("gzip", zipped(BODY)[:12]),
        ("gzip", zipped(BODY) + b"junk"),
        ("gzip", zipped(BODY)[:-5] + b"\0" * 5),
        ("gzip", zlib.compress(BODY)),
        ("zstd", BODY),
        ("zstd", zstd(BODY)[:-1]),
        ("zstd", zstd(BODY) + b"junk"),
        ("gzip, zstd", zipped(BODY)),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_refused(
    http: httpx.AsyncClient, encoding: str, body: bytes
) -> None:
    answer = await posted(http, body, encoding=encoding)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "body"
    assert error["reason"].startswith("is not ")


@pytest.mark.parametrize("compress", [zipped, zstd])
@pytest.mark.parametrize("size", [LIMIT + 1, 100 * LIMIT])
async def test_a_bomb_is_not_inflated(http: httpx.AsyncClient, compress: Any, size: int) -> None:
    packed = compress(b" " * size)
    encoding = "gzip" if compress is zipped else "zstd"
    answer = await posted(http, packed, encoding=encoding)
    assert answer.status_code == 413
    assert "decompressed" in answer.json()["detail"]


async def test_a_body_of_exactly_the_limit_is_accepted(http: httpx.AsyncClient) -> None:
    full = BODY + b" " * (LIMIT - len(BODY))
    for encoding, body in ((None, full), ("gzip", zipped(full)), ("zstd", zstd(full))):
        assert (await posted(http, body, encoding=encoding)).status_code == 200
    assert (await posted(http, full + b" ")).status_code == 413


async def test_a_body_that_is_no_text_says_at_which_byte(http: httpx.AsyncClient) -> None:
    answer = await posted(http, BODY.decode().encode("latin-1"))
    assert answer.status_code == 400
    assert "is not JSON in UTF-8: " in answer.json()["detail"]
    assert "at byte" in answer.json()["detail"]


@pytest.mark.parametrize("content_type", [JSON, None, "text/plain"])
async def test_an_empty_body_is_missing(http: httpx.AsyncClient, content_type: str | None) -> None:
    answer = await posted(http, b"", content_type)
    assert (answer.status_code, answer.json()["detail"]) == (422, "body: is empty, but JSON is required")


async def test_broken_json_says_where(http: httpx.AsyncClient) -> None:
    answer = await posted(http, b'{"project_id": "p",\n"full_text": }')
    assert answer.status_code == 422
    assert answer.json()["detail"] == "body: is not JSON: Expecting value at line 2, column 14"


BROKEN = {
    "metadata.last_modified": ['"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', "NaN", "1e999"],
    "metadata.file_size_bytes": [str(2**63), "9" * 400, "9" * 5000, "-1", "1.5", "Infinity"],
    "metadata.line_count": ["-9223372036854775809", "[]", '"many"'],
    "metadata.git_commit_hash": [r'"\ud800"', "7"],
    "metadata.mine": ["NaN", "-1e999", str(-(2**64)), r'"\udc00"', "[" * 70 + "]" * 70],
    "metadata.mine.0.deep": ['[{"deep": 1e999}]'],
    "project_id": [r'"a\u0000b"', r'"\ud800"', "7", '" "'],
    "document_id": [r'"a\u0000"'],
    "source_path": [r'"\u0000"', '""', "[" * 100_000 + "]" * 100_000],
    "full_text": ["[" * 100_000 + "]" * 100_000, r'"\ud834x"', "-0.0"],
    "metadata": ["[" * 900 + "]" * 900, "null", '"x"'],
}
CASES = [(field, value) for field, values in BROKEN.items() for value in values]


def broken(field: str, value: str) -> bytes:
    """The document with a field whose JSON is `value`."""
    first, *rest = field.split(".")
    inner = f'{{"{rest[0]}": {value}}}' if rest else value
    spelt = {name: json.dumps(text) for name, text in DOCUMENT.items()} | {first: inner}
    return ("{" + ", ".join(f'"{name}": {text}' for name, text in spelt.items()) + "}").encode()


@pytest.mark.parametrize(("field", "value"), CASES, ids=[f"{field}-{value[:20]}" for field, value in CASES])
async def test_a_field_that_cannot_be_kept_is_named_and_refuses_no_other(
    http: httpx.AsyncClient, field: str, value: str
) -> None:
    body = broken(field, value)
    answer = await posted(http, body)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    batch = b'{"documents": [' + BODY + b", " + body + b", " + BODY + b"]}"
    answer = await http.post("/documents", content=batch, headers={"content-type": JSON})
    assert answer.json() == [True, False, True]
