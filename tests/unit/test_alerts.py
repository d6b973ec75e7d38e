"""Alerts at a real webhook: sent at once, then together, and again if not delivered."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response

from archon.contracts.events import DeadLetter, ErrorDetails
from archon.contracts.types import FailureType
from archon.runtime import alerts
from archon.runtime.alerts import Alerts
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from tests.eventually import eventually


def letter(failure_type: FailureType = FailureType.DATA_QUALITY, **changes: object) -> DeadLetter:
    values: dict[str, object] = {
        "project_name": "p",
        "file_path": "a.py",
        "failure_reason": "analysing: HTTP 400: no",
        "failure_timestamp": datetime.now(UTC),
        "failure_type": failure_type,
        "original_message": {},
        "error_details": ErrorDetails(exception_type="X", exception_message="no"),
    }
    return DeadLetter.model_validate(values | changes)


class Webhook:
    """Answers with `status`; `received` holds what it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[dict[str, Any]] = []
        self.port = free_ports(1)[0]

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = FastAPI()

        @app.post("/hook")
        async def hook(request: Request) -> Response:
            self.received.append(await request.json())
            return Response(status_code=self.status)

        async with serve_http(app, Settings(shutdown_timeout=1), self.port):
            yield

    async def until(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.received) >= count

        await eventually(enough, 10)


@contextlib.asynccontextmanager
async def alerting(webhook: Webhook, interval: float) -> AsyncIterator[Alerts]:
    settings = Settings(
        alert_webhook_url=f"http://127.0.0.1:{webhook.port}/hook",  # type: ignore[arg-type]
        alert_interval=interval,
    )
    async with webhook.serving(), Alerts.connect(settings) as sink:
        yield sink


async def test_the_first_alert_is_sent_at_once_and_the_rest_together() -> None:
    webhook = Webhook()
    async with alerting(webhook, interval=0.2) as sink:
        sink.notify(letter())
        await webhook.until(1)
        for _ in range(100):
            sink.notify(letter(FailureType.SERVICE_DOWN))
        await webhook.until(2)
    assert [each["text"].split(" ")[0] for each in webhook.received] == ["1", "100"]


async def test_an_undelivered_alert_is_sent_with_the_next() -> None:
    webhook = Webhook()
    webhook.status = 503
    async with alerting(webhook, interval=0.1) as sink:
        sink.notify(letter())
        await webhook.until(2)
        webhook.status = 200
        await webhook.until(3)
    assert all(each["text"].startswith("1 document is dead-lettered") for each in webhook.received)


async def test_only_failures_that_need_people_raise_an_alert() -> None:
    webhook = Webhook()
    async with alerting(webhook, interval=0.05) as sink:
        sink.notify(letter(FailureType.TRANSIENT))
        sink.notify(letter(FailureType.PERMANENT))
        sink.notify(letter(FailureType.SERVICE_DOWN, file_path="late.py"))
        await webhook.until(1)
        await asyncio.sleep(0.1)  # two intervals: any other alert would have arrived by now
    assert [each["text"] for each in webhook.received] == [
        "1 document is dead-lettered; the latest is late.py: analysing: HTTP 400: no"
    ]


async def test_alerts_are_off_by_default() -> None:
    async with Alerts.connect(Settings()) as sink:
        sink.notify(letter())


def test_an_alert_is_what_a_slack_webhook_takes() -> None:
    alert = alerts.message(Counter({("p", "data_quality"): 3, ("q", "service_down"): 1}), letter())
    assert set(alert) == {"text", "attachments"}
    assert alert["text"].startswith("4 documents are dead-lettered; the latest is a.py: analysing")
    assert alert["attachments"][0]["fields"][0] == {
        "title": "p · data_quality",
        "value": "3",
        "short": True,
    }
