"""In: settings. Out: the connection arguments of all our Kafka clients: addresses, TLS, SASL."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from archon.contracts.errors import ConfigurationError
from archon.runtime.kafka import record_batches
from archon.runtime.reasons import in_words, place
from archon.runtime.settings import Settings

_SECONDS: Final = 3.0
record_batches.install()


def kafka_at(settings: Settings) -> str:
    """Kafka's addresses, and the setting that they come from."""
    return f"Kafka at {place(settings.kafka_bootstrap_servers, 'kafka_bootstrap_servers')}"


class Client(Protocol):
    """A producer, consumer or admin client of aiokafka."""

    async def start(self) -> None: ...


async def start(client: Client, settings: Settings) -> None:
    """Starts a client. Raises KafkaError with the brokers' reason, which aiokafka only logs."""
    try:
        await client.start()
    except KafkaConnectionError as error:
        raise KafkaConnectionError(await _reason(settings) or str(error)) from error


@contextlib.asynccontextmanager
async def administering(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client during the block. Raises KafkaError, OSError."""
    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await start(admin, settings)
        yield admin
    finally:
        await admin.close()


async def _reason(settings: Settings) -> str | None:
    given = connection(settings)
    host, port, _ = collect_hosts(given.pop("bootstrap_servers"))[0]
    try:
        async with asyncio.timeout(_SECONDS):
            (await create_conn(host, port, **given)).close()
    except TimeoutError:
        return f"{host}:{port} does not answer"
    except KafkaError as error:
        if settings.kafka_security_protocol.startswith("SASL"):
            login = "KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD or KAFKA_SASL_MECHANISM"
            return f"the brokers do not accept {login}: {in_words(error)}"
        return in_words(error)
    except OSError as error:
        return in_words(error)
    return None


def connection(settings: Settings) -> dict[str, Any]:
    """The common arguments of aiokafka's producer, consumer and admin client.

    Raises ConfigurationError for an unreadable certificate, or SASL without a user.
    """
    protocol = settings.kafka_security_protocol
    found: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": protocol,
    }
    if protocol.endswith("SSL"):
        found["ssl_context"] = _tls(settings)
    if protocol.startswith("SASL"):
        found |= _sasl(settings)
    return found


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile or None)
        if settings.kafka_ssl_certfile:
            password = settings.kafka_ssl_password.get_secret_value() or None
            context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile or None, password)
    except OSError as error:  # ssl.SSLError is one too
        raise ConfigurationError(f"KAFKA_SSL_CAFILE, _CERTFILE, _KEYFILE: cannot be used: {error}") from error
    return context


def _sasl(settings: Settings) -> dict[str, Any]:
    if not settings.kafka_sasl_username:
        raise ConfigurationError("KAFKA_SASL_USERNAME: needed for KAFKA_SECURITY_PROTOCOL with SASL")
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
    }
