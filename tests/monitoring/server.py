"""In: a running stack. Out: a real Prometheus that watches it with the committed rules, and its answers.

Differences from the committed configuration: the services' addresses, the scrape interval, and how long an
alert must hold before it fires.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from archon.devstack.process import ChildProcess
from archon.devstack.stack import Stack
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.telemetry.metrics import SERVICES
from deploy.prometheus import committed
from deploy.prometheus.binary import prometheus

SCRAPE_SECONDS = 1


@dataclass(frozen=True)
class Answers:
    """Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/"""

    http: httpx.AsyncClient

    async def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        answer = await self.http.get("/api/v1/query", params={"query": expression})
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return found

    async def firing(self, alert: str) -> bool:
        return bool(await self.ask(f'ALERTS{{alertname="{alert}", alertstate="firing"}}'))

    async def up(self) -> bool:
        """Whether every service was scraped successfully."""
        return len(await self.ask("up == 1")) == len(SERVICES)


def rules(hold: int | None) -> dict[str, Any]:
    """The committed rules, each alert holding for `hold` seconds before it fires; None: as committed."""
    found: dict[str, Any] = yaml.safe_load(committed.RULES.read_text())
    for group in found["groups"]:
        for rule in group["rules"]:
            if hold is not None and "for" in rule:
                rule["for"] = f"{hold}s"
    return found


def watching(stack: Stack, directory: Path, hold: int | None) -> ChildProcess:
    """Not yet started."""
    (port,) = free_ports(1)

    def here(job: dict[str, Any]) -> dict[str, Any] | None:
        """A committed job with its service's address in the stack; None if the service is not ours."""
        if job["job_name"] not in SERVICES:
            return None
        target = f"{HOST}:{getattr(stack.settings, job['job_name'] + '_port')}"
        rest = {name: value for name, value in job.items() if name != "dns_sd_configs"}
        return rest | {"static_configs": [{"targets": [target]}]}

    jobs = yaml.safe_load(committed.CONFIGURATION.read_text())["scrape_configs"]
    interval = f"{SCRAPE_SECONDS}s"
    configuration = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [job for job in map(here, jobs) if job],
    }
    directory.mkdir(parents=True)
    (directory / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules(hold)))
    url = f"http://{HOST}:{port}"

    async def ready() -> None:
        async with httpx.AsyncClient() as http:
            (await http.get(f"{url}/-/ready")).raise_for_status()

    return ChildProcess(
        name="prometheus",
        version="",
        url=url,
        log=directory / "prometheus.log",
        ready=ready,
        command=[
            str(prometheus()),
            f"--config.file={directory / 'prometheus.yaml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={HOST}:{port}",
        ],
    )
