"""API keys, rates and settings: refusals before any connection, and values that are never revealed."""

import json
import os
import stat
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from aiokafka import ConsumerRecord
from fastapi import APIRouter, FastAPI
from pydantic import ValidationError

from archon.contracts import names
from archon.contracts.errors import (
    ConfigurationError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    StoreUnavailableError,
    UnauthorizedError,
)
from archon.contracts.operations.api_keys import Access, ApiKey, ApiKeys, agrees, key_id_of, mint
from archon.reference import environment
from archon.runtime import watched_file
from archon.runtime.flow.rates import TokenBuckets
from archon.runtime.http import api_keys, problems
from archon.runtime.http.api_keys import KeyFile
from archon.runtime.kafka.brokers import connection
from archon.runtime.secret_files import is_secret
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from bridge.requests.access import (
    AccessMiddleware,
    Caller,
    GuardedRoute,
    Reader,
    Writer,
    keys_of,
    require_declared,
)
from kafka_ingress.indexing import indexing_handler

pytestmark = pytest.mark.threat
SECRETS = [name for name, field in Settings.model_fields.items() if is_secret(field)]


def kept(key_id: str, sha256: str, **more: object) -> ApiKey:
    fields = {"projects": ["p"], "access": "read", "created_at": datetime.now(UTC), **more}
    return ApiKey.model_validate({"id": key_id, "sha256": sha256, **fields})


def test_a_key_agrees_with_what_is_kept_of_it_and_no_other_does() -> None:
    (key_id, shown, sha256), other = mint(), mint()
    assert key_id_of(shown) == key_id
    assert agrees(shown, kept(key_id, sha256))
    assert not agrees(other[1], kept(key_id, sha256))
    assert not agrees(shown, None)
    assert not agrees("", kept(key_id, "0" * 64))
    assert shown not in kept(key_id, sha256).model_dump_json()
    assert len(shown.rpartition("_")[2]) * 4 == 256


@pytest.mark.parametrize("shown", ["", "archon_", "archon_é_x", f"archon_{'0' * 12}_{'0' * 63}\u0660"])
def test_a_malformed_key_has_no_id(shown: str) -> None:
    assert key_id_of(shown) is None


@pytest.mark.parametrize(
    "change",
    [{"projects": []}, {"projects": "p"}, {"projects": [""]}, {"access": "all"}, {"rate": 0}, {"more": 1}],
)
def test_a_wrong_entry_is_no_key(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kept("0" * 12, "0" * 64, **change)


def test_the_keys_file_is_its_owners_alone_and_keeps_what_others_add(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    minted = [mint() for _ in range(20)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda each: api_keys.add(file, kept(each[0], each[2])), minted))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {key.id for key in api_keys.read(file).keys} == {each[0] for each in minted}
    api_keys.revoke(file, minted[0][0])
    assert len(api_keys.read(file).keys) == 19
    with pytest.raises(NotFoundError):
        api_keys.revoke(file, minted[0][0])
    assert [path.name for path in file.parent.iterdir()] == ["keys.json"]


async def test_a_broken_file_is_reported_and_leaves_the_keys_in_force(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    key_id, shown, sha256 = mint()
    api_keys.add(file, kept(key_id, sha256))
    keys = KeyFile(file)
    whole = file.read_text()
    for broken in (
        '{"keys": [',
        '{"keys": [{"id": "geheim"}]}',
        json.dumps({"keys": [json.loads(whole)["keys"][0]] * 2}),
    ):
        file.write_text(broken)
        assert keys.authenticate(shown).id == key_id
        with pytest.raises(ConfigurationError, match="stays in force") as raised:
            await keys.check()
        assert "geheim" not in str(raised.value)
    file.unlink()
    assert keys.authenticate(shown).id == key_id
    with pytest.raises(ConfigurationError, match="No such file"):
        await keys.check()
    file.write_text(ApiKeys().model_dump_json())
    with pytest.raises(UnauthorizedError):
        keys.authenticate(shown)
    await keys.check()


def test_a_file_that_cannot_be_read_refuses_after_the_grace_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((0.0, 1.0, 60.0, 62.0, 64.0))
    now = next(clock)
    monkeypatch.setattr(watched_file.time, "monotonic", lambda: now)
    file = tmp_path / "keys.json"
    key_id, shown, sha256 = mint()
    api_keys.add(file, kept(key_id, sha256))
    keys = KeyFile(file, grace=60)
    hidden = file.rename(tmp_path / "hidden.json")
    for _ in range(2):
        now = next(clock)
        assert keys.authenticate(shown).id == key_id
    now = next(clock)
    with pytest.raises(UnauthorizedError, match="cannot be checked"):
        keys.authenticate(shown)
    hidden.rename(file)
    now = next(clock)
    assert keys.authenticate(shown).id == key_id


def test_the_units_of_a_large_request_delay_the_next_one() -> None:
    now = 0.0
    buckets = TokenBuckets(lambda: now)
    buckets.take("a", 10)
    assert buckets.spend("a", 10, 10, 29) == pytest.approx(2.0)
    with pytest.raises(RateLimitedError) as raised:
        buckets.take("a", 10)
    assert raised.value.retry_after == pytest.approx(2.1)
    buckets.take("b", 10)
    now = 2.1 + 1e-6
    buckets.take("a", 10)
    with pytest.raises(RateLimitedError):
        buckets.take("a", 10)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others")
def test_a_change_by_root_leaves_the_file_to_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    first, second = mint(), mint()
    api_keys.add(file, kept(first[0], first[2]))
    os.chown(file, 12345, 54321)
    file.chmod(0o640)
    api_keys.add(file, kept(second[0], second[2]))
    api_keys.revoke(file, first[0])
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 54321, 0o640)


def test_a_change_that_would_take_the_file_from_its_owner_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    file = tmp_path / "keys.json"
    key_id, _, sha256 = mint()
    api_keys.add(file, kept(key_id, sha256))
    before = file.read_text()
    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(ConfigurationError, match="belongs to user"):
        api_keys.revoke(file, key_id)
    assert file.read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_keys_file_may_be_in_any_unicode(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    key_id, shown, sha256 = mint()
    file.write_text(ApiKeys(keys=[kept(key_id, sha256)]).model_dump_json(), encoding=encoding)
    assert KeyFile(file).authenticate(shown).id == key_id


def test_a_keys_file_in_another_encoding_names_the_byte(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(b'{"keys": "\xe9"}')
    with pytest.raises(ConfigurationError, match=r"is not JSON in UTF-8: .* at byte 10"):
        KeyFile(tmp_path / "keys.json")


def test_an_expired_key_is_none(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    key_id, shown, sha256 = mint()
    api_keys.add(file, kept(key_id, sha256, expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    with pytest.raises(UnauthorizedError, match="expired"):
        KeyFile(file).authenticate(shown)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "bridge.internal", ""])
def test_a_bridge_is_not_open_beyond_loopback(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"API_KEYS_FILE.*ALLOW_UNAUTHENTICATED=true"):
        keys_of(Settings(host=host))
    assert keys_of(Settings(host=host, allow_unauthenticated=True)) is None
    api_keys.add(tmp_path / "keys.json", kept(*mint()[::2]))
    assert keys_of(Settings(host=host, api_keys_file=str(tmp_path / "keys.json"))) is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_bridge_without_keys_may_serve_loopback(host: str) -> None:
    assert keys_of(Settings(host=host)) is None


def test_a_keys_file_that_is_missing_is_not_taken_for_no_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        keys_of(Settings(api_keys_file=str(tmp_path / "none"), allow_unauthenticated=True))


def test_a_route_that_says_nothing_is_refused_with_its_app() -> None:
    router = APIRouter(prefix="/api")

    @router.get("/said")
    async def said(caller: Reader) -> None: ...

    app = FastAPI(redoc_url=None)
    app.include_router(router)
    require_declared(app)

    @router.get("/forgotten")
    async def forgotten() -> None: ...

    with pytest.raises(ConfigurationError, match="/api/forgotten"):
        require_declared(app)


def test_a_caller_queries_only_its_own_projects() -> None:
    caller, everybody = Caller(("a", "b"), Access.READ), Caller(None, Access.READ)
    assert caller.scope(None) == ("a", "b")
    assert caller.scope("a") == ("a",)
    assert everybody.scope(None) is None
    assert everybody.scope("c") == ("c",)
    with pytest.raises(ForbiddenError):
        caller.scope("c")


def test_a_bucket_holds_a_seconds_tokens_and_is_refilled() -> None:
    now = 0.0
    buckets = TokenBuckets(lambda: now)
    for _ in range(3):
        buckets.take("a", 3)
    with pytest.raises(RateLimitedError) as raised:
        buckets.take("a", 3)
    assert raised.value.retry_after == pytest.approx(1 / 3)
    buckets.take("b", 3)
    now = 1 / 3 + 1e-9
    buckets.take("a", 3)
    with pytest.raises(RateLimitedError):
        buckets.take("a", 3)
    now = 100.0
    for _ in range(3):
        buckets.take("a", 3)
    with pytest.raises(RateLimitedError):
        buckets.take("a", 3)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_be_in_a_file_and_is_never_shown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = name.upper()
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "secret"))
    with pytest.raises(ConfigurationError, match=f"{variable}_FILE"):
        Settings()
    (tmp_path / "secret").write_text("  geheim\n")
    settings = Settings()
    assert getattr(settings, name).get_secret_value() == "geheim"
    assert "geheim" not in repr(settings) + str(settings) + settings.model_dump_json()
    for written in (
        b"\xef\xbb\xbfgeheim\r\n",
        "geheim\r\n".encode("utf-16"),
    ):  # as Windows editors write it
        (tmp_path / "secret").write_bytes(written)
        assert getattr(Settings(), name).get_secret_value() == "geheim"
    for written, why in (
        (b"one\ntwo\n", "more than one line"),
        (b"\xff\x80", "not text"),
        (b"a\0b", "control"),
    ):
        (tmp_path / "secret").write_bytes(written)
        with pytest.raises(ConfigurationError, match=f"{variable}_FILE: .*{why}"):
            Settings()
    (tmp_path / "secret").write_text("geheim")
    monkeypatch.setenv(variable, "another")
    with pytest.raises(ConfigurationError, match=f"{variable} is also set"):
        Settings()


def test_two_collections_need_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_COLLECTION", names.COLLECTION_SYMBOLS)
    with pytest.raises(ConfigurationError, match=r"^QDRANT_SYMBOLS_COLLECTION: .*QDRANT_COLLECTION"):
        Settings.load()
    monkeypatch.setenv("QDRANT_SYMBOLS_COLLECTION", "another")
    assert Settings.load().qdrant_collection == names.COLLECTION_SYMBOLS


@pytest.mark.parametrize("name", [each for each in SECRETS if each.endswith("_api_key")])
def test_a_key_that_no_header_can_carry_is_named_and_not_shown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = name.upper()
    (tmp_path / "secret").write_text("käse")
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "secret"))
    with pytest.raises(ConfigurationError, match=f"^{variable}_FILE: contains .*printable ASCII") as refusal:
        Settings.load()
    assert "käse" not in str(refusal.value)
    monkeypatch.delenv(f"{variable}_FILE")
    monkeypatch.setenv(variable, "käse")
    with pytest.raises(ConfigurationError, match=f"^{variable}: contains .*printable ASCII"):
        Settings.load()


def test_every_secret_is_typed_as_one_and_its_file_is_in_the_example() -> None:
    words = ("password", "secret", "api_key", "token", "webhook")
    suspects = {name for name in Settings.model_fields if any(word in name for word in words)}
    assert suspects - {"api_keys_file", "api_keys_grace", "api_key_rate", "api_key_burst"} == set(SECRETS)
    for name in SECRETS:
        assert f"\n#{name.upper()}_FILE=\n" in environment.example()


def test_a_wrong_setting_is_named_without_its_value() -> None:
    with pytest.raises(ValidationError) as raised:
        Settings(bridge_port="geheim", kafka_sasl_password="geheim")  # type: ignore[arg-type]
    assert "geheim" not in str(raised.value)


def test_kafka_clients_use_no_encryption_by_default() -> None:
    assert connection(Settings()) == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "PLAINTEXT",
    }


def test_kafka_clients_verify_brokers_and_log_in() -> None:
    found = connection(
        Settings(kafka_security_protocol="SASL_SSL", kafka_sasl_username="u", kafka_sasl_password="p")  # type: ignore[arg-type]
    )
    assert found["ssl_context"].check_hostname
    given = {name: value for name, value in found.items() if name.startswith("sasl")}
    assert given == {
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "u",
        "sasl_plain_password": "p",
    }


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "KAFKA_SASL_USERNAME"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_cafile": "/nowhere"}, "KAFKA_SSL_CAFILE"),
    ],
)
def test_a_connection_that_cannot_be_protected_is_refused(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        connection(Settings(**changes))  # type: ignore[arg-type]


def test_temporal_uses_tls_as_soon_as_a_setting_requires_it(tmp_path: Path) -> None:
    assert temporal.tls(Settings()) is False
    assert temporal.tls(Settings(temporal_tls=True))
    assert temporal.tls(Settings(temporal_api_key="k"))  # type: ignore[arg-type]
    (tmp_path / "ca").write_bytes(b"pem")
    found = temporal.tls(Settings(temporal_tls_server_ca_cert_path=str(tmp_path / "ca")))
    assert not isinstance(found, bool)
    assert found.server_root_ca_cert == b"pem"
    with pytest.raises(ConfigurationError, match=r"TEMPORAL_TLS_.*none"):
        temporal.tls(Settings(temporal_tls_client_cert_path=str(tmp_path / "none")))


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_the_ingress_waits_where_the_bridge_refuses_not_the_document(status: int) -> None:
    record = ConsumerRecord("t", 0, 0, 0, 0, b"k", b"{}", 0, 0, 0, ())
    refusing = httpx.MockTransport(lambda _: httpx.Response(status, json={"detail": "no"}))
    async with httpx.AsyncClient(base_url="http://bridge", transport=refusing) as http:
        with pytest.raises(StoreUnavailableError) as raised:
            await indexing_handler(http)(record)
    assert ("BRIDGE_API_KEY" in str(raised.value)) == (status in {401, 403})


async def test_a_key_that_may_only_read_is_refused_before_its_body_is_read(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    reading, writing = mint(), mint()
    api_keys.add(file, kept(reading[0], reading[2]))
    api_keys.add(file, kept(writing[0], writing[2], access="write"))
    router, sent = APIRouter(route_class=GuardedRoute), 0

    @router.post("/documents")
    async def documents(caller: Writer, body: dict[str, int]) -> int:
        return len(body)

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for piece in (b'{"a"', b": 1}"):
            sent += 1
            yield piece

    app = FastAPI()
    problems.install(app)
    app.add_middleware(AccessMiddleware, keys=KeyFile(file), rate=0, burst=1)
    app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as http:
        for shown, status, pieces in ((reading[1], 403, 0), ("archon_x_y", 401, 0), (writing[1], 200, 2)):
            headers = {"Authorization": f"Bearer {shown}", "Content-Type": "application/json"}
            answer = await http.post("/documents", content=body(), headers=headers)
            assert (answer.status_code, sent) == (status, pieces)
