"""In: events with fields from every process. Out: one line each on stderr: JSON, or colour on a terminal.

Event names are stable, fields carry the data: document_id, correlation_id, project_name, duration_ms, status,
error_type, retry_count. Document text and secrets are never logged.
"""

import logging
import os
import sys
import warnings
from typing import TextIO

import structlog

from archon.runtime.settings import Settings
from archon.runtime.telemetry import tracing


def configure_logging(settings: Settings, service: str) -> None:
    """Configures structlog and the standard library's logging in the same way for this process."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        tracing.logged,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.typing.Processor] = (
        [_tidy, structlog.dev.ConsoleRenderer()]
        if console
        else [_tidy, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("httpx", "httpcore", "neo4j.notifications", "aiokafka", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(service=service)
    warnings.showwarning = _warned
    # Spawned processes have no logging configuration.
    os.environ.setdefault("PYTHONWARNINGS", "ignore")


def _warned(  # noqa: PLR0917  as Python calls it
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001  what Python gives
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Logs a library's warning as an event; Python would write it to stderr unformatted."""
    where = f"{filename}:{lineno}"
    get_logger("py.warnings").warning("warned", category=category.__name__, reason=str(message), where=where)


def _tidy(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Puts the most important fields first, and gives libraries' fields our names."""
    event.pop("color_message", None)
    if (of_the_sdk := event.pop("temporal_log", None)) is not None:
        event["fields"] = of_the_sdk.fields
    if str(event["event"]).startswith("Traceback "):  # uvicorn's format of an exception
        event.update(exception=event["event"], event="exception")
    first = {name: event[name] for name in ("timestamp", "level", "event") if name in event}
    return {**first, **event}


def milliseconds(seconds: float) -> float:
    """A duration as `duration_ms`."""
    return round(seconds * 1000, 1)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
