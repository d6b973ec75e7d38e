"""In: dead letters. Out: occasional messages to a webhook, in JSON that Slack also accepts.

Disabled unless a webhook is configured. The first letter is reported at once, the letters of the following
interval together. Letters of a failed delivery are part of the next message. Nothing waits for the delivery.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx

from archon.contracts.events import DeadLetter
from archon.contracts.types import FailureType
from archon.runtime.logs import get_logger
from archon.runtime.settings import Settings
from archon.runtime.tasks import running

ALERTED: Final = frozenset({FailureType.DATA_QUALITY, FailureType.SERVICE_DOWN})
_log = get_logger(__name__)


class Alerts:
    """Counts letters by project and failure type between two messages."""

    def __init__(self, url: str, interval: float) -> None:
        self._url = url
        self._interval = interval
        self._counts: Counter[tuple[str, str]] = Counter()
        self._latest: DeadLetter | None = None
        self._wanted = asyncio.Event()

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Alerts"]:
        alerts = cls(settings.alert_webhook_url.get_secret_value(), settings.alert_interval)
        if not alerts._url:
            yield alerts
            return
        async with running(alerts._send_forever()):
            yield alerts

    def notify(self, letter: DeadLetter) -> None:
        """Records a dead letter if its type is one that alerts cover."""
        if self._url and letter.failure_type in ALERTED:
            self._counts[letter.project_name or "unknown", str(letter.failure_type)] += 1
            self._latest = letter
            self._wanted.set()

    async def _send_forever(self) -> None:
        async with httpx.AsyncClient(timeout=10) as http:
            while True:
                await self._wanted.wait()
                await self._send(http)
                await asyncio.sleep(self._interval)

    async def _send(self, http: httpx.AsyncClient) -> None:
        assert self._latest is not None
        counts, self._counts = self._counts, Counter()
        self._wanted.clear()
        try:
            (await http.post(self._url, json=message(counts, self._latest))).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._counts.update(counts)
            self._wanted.set()
            _log.warning("alert_not_delivered", letters=counts.total(), error=type(error).__name__)


def message(counts: Counter[tuple[str, str]], latest: DeadLetter) -> dict[str, Any]:
    """`text` and `attachments` are for Slack's incoming webhooks; other receivers read the fields."""
    total = counts.total()
    what = "1 document is" if total == 1 else f"{total} documents are"
    fields = [
        {"title": f"{project} · {failure_type}", "value": str(count), "short": True}
        for (project, failure_type), count in counts.most_common(20)
    ]
    last = f"{latest.file_path or latest.source or 'unknown'}: {latest.failure_reason[:500]}"
    return {
        "text": f"{what} dead-lettered; the latest is {last}",
        "attachments": [{"color": "danger", "fallback": last, "fields": fields}],
    }
