"""In: Prometheus' answers at the end of a run. Out: the result of each metric, query and alert."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from archon.runtime.telemetry.metrics import SERVICES
from deploy.prometheus import committed
from kafka_ingress import estate
from tests.monitoring.expected import ESTATE, OF_THE_TEMPORAL_SDK, exported_by
from tests.monitoring.server import Answers
from tests.monitoring.trouble import BREAKER

WINDOW = "15m"
"""Longer than a run."""
UNREPORTED = "not reported by this broker"
NEVER_HERE = {"temporal_workflow_task_execution_failed_total": "no workflow task has failed"}


@dataclass(frozen=True)
class Finding:
    """`cells` of a table's row; `holds`: None if nothing was expected."""

    cells: tuple[str, ...]
    holds: bool | None


async def of_metrics(answers: Answers) -> list[Finding]:
    """Service, series name, number of series with a sample, and the sum of their newest."""
    by_service = {service: exported_by(service) for service in SERVICES if exported_by(service)}
    by_service["ingress"] = [*by_service["ingress"], *ESTATE]
    by_service["worker"] = [*by_service["worker"], *OF_THE_TEMPORAL_SDK]
    return [
        await _of_metric(answers, service, name) for service, names in by_service.items() for name in names
    ]


async def _of_metric(answers: Answers, service: str, name: str) -> Finding:
    series = await answers.ask(f'last_over_time({name}{{job="{service}"}}[{WINDOW}])')
    excuse = {estate.TOPIC_BYTES: UNREPORTED, **NEVER_HERE}.get(name)
    if not series and excuse:
        return Finding((service, name, "0", excuse), None)
    total = sum(float(each["value"][1]) for each in series)
    return Finding((service, name, str(len(series)), f"{total:g}"), bool(series))


async def of_queries(answers: Answers) -> list[Finding]:
    """Panel, the query's subject, number of returned series, and the value of the first."""
    return [await _of_query(answers, query) for query in committed.queries("5m")]


async def _of_query(answers: Answers, query: committed.Query) -> Finding:
    series = [each for each in await answers.ask(query.expr) if each["value"][1] != "NaN"]
    if not series and estate.TOPIC_BYTES in query.expr:
        return Finding((query.panel, query.legend, "0", UNREPORTED), None)
    first = f"{float(series[0]['value'][1]):.4g}" if series else "no data"
    return Finding((query.panel, query.legend, str(len(series)), first), bool(series))


async def of_alerts(answers: Answers) -> list[Finding]:
    """Alert, its hold time as committed and here, the times when it was pending and firing, its state.

    Times are from the first to the last one, in seconds since the first scrape of the services.
    """
    groups = (await answers.http.get("/api/v1/rules", params={"type": "alert"})).json()["data"]["groups"]
    history = await answers.ask(f"ALERTS[{WINDOW}]")
    began = await _began(answers)
    waits = {rule["alert"]: rule["for"] for rule in committed.alerts()}
    return [
        _of_alert(rule, waits[rule["name"]], history, began) for group in groups for rule in group["rules"]
    ]


async def _began(answers: Answers) -> float:
    series = await answers.ask(f'up{{job="bridge"}}[{WINDOW}]')
    return min(float(each["values"][0][0]) for each in series)


def _of_alert(
    rule: dict[str, Any], committed: str, history: Iterable[dict[str, Any]], began: float
) -> Finding:
    seen = {
        state: [
            float(time) - began
            for series in history
            if series["metric"]["alertname"] == rule["name"] and series["metric"]["alertstate"] == state
            for time, _ in series["values"]
        ]
        for state in ("pending", "firing")
    }
    spans = (_span(times) for times in seen.values())
    cells = (rule["name"], committed, f"{rule['duration']:g}s", *spans, rule["state"])
    wanted = bool(seen["pending"] and seen["firing"]) and rule["state"] == "inactive"
    return Finding(cells, wanted if rule["name"] == BREAKER else None)


def _span(times: list[float]) -> str:
    return f"{min(times):.0f} - {max(times):.0f}" if times else "-"
