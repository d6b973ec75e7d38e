"""Claims of the operators' pages that the code decides: names, numbers, tables, the output of commands."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
import yaml

from activities.failures import LOST, PATIENT, TREATMENTS, UNKNOWN
from archon.cli.estate.diagnosis import Facts, diagnose
from archon.cli.estate.shown import counted
from archon.cli.stack.given import HONOURED
from archon.cli.terminal.output import Exit
from archon.cli.verbs import VERBS
from archon.contracts import names
from archon.contracts.estate import Cause, Part, PartName, PartStatus
from archon.contracts.operations.dead_letters import ORIGINAL_BYTES
from archon.contracts.operations.drift import Drift
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import RetrySettings
from archon.runtime.alerts import ALERTED
from archon.runtime.http.problems import STATUSES
from archon.runtime.kafka.topics import topics
from archon.runtime.secret_files import is_secret
from archon.runtime.settings import Settings
from archon.runtime.temporal.namespace import RETENTION
from archon.stores.vectors.collections import OLDEST_SERVER
from deploy.grafana import dashboards
from deploy.prometheus import committed
from tests.monitoring.expected import readable
from tests.pages import ROOT, commands, fences
from workflows.parking import DEAD_LETTER_AGAIN, SELF_RETRIES, SELF_RETRY_AFTER
from workflows.policies import LOST_AFTER

NAMES = (
    *("README.md", "CONTRIBUTING.md", "deploy/README.md"),
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")),
)
PAGES = {name: (ROOT / name).read_text() for name in NAMES}
OPERATIONS, RUNBOOKS, FAILURES = (PAGES[f"docs/{name}.md"] for name in ("operations", "runbooks", "failures"))
PRODUCT = ("activities", "archon", "bridge", "intelligence", "kafka_ingress", "workflows")
SOURCE = "\n".join(file.read_text() for part in PRODUCT for file in (ROOT / part).rglob("*.py"))
OF_OTHERS = re.compile(r"AWS_\w+|NAME_FILE|KAFKA_CFG_\w+|OTEL_\w+")
"""Variables of other programs, and a placeholder."""
OF_OTHER_PAGES = {
    *("Archon Enrichment", "Panels", "Status, Targets"),
    *("Pending Activities", "Pollers", "LastFailure", "WorkflowTaskFailed"),
}
"""Texts of Grafana, Prometheus and Temporal."""
COMMANDS = {verb.name: verb for verb in VERBS}


def spans(page: str) -> list[str]:
    """The code within sentences, lists and tables."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^ *```.*?^ *```$", "", PAGES[page]))


def section(page: str, heading: str) -> str:
    return re.split(r"\n#+ ", page.split(f"# {heading}\n")[1])[0]


def cells(text: str) -> list[list[str]]:
    """The cells of the tables' rows, without headings and rules."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines][1:]


@cache
def sources() -> str:
    """Everything that may read a variable of the environment."""
    others = [ROOT / "deploy/.env.example", ROOT / "Makefile", *(ROOT / "tests").rglob("*.py")]
    return "\n".join([SOURCE, *(file.read_text(errors="replace") for file in others)])


@pytest.mark.parametrize("page", NAMES)
def test_every_variable_is_read_somewhere(page: str) -> None:
    settings = {name.upper() for name in Settings.model_fields}
    settings |= {f"{name.upper()}_FILE" for name, field in Settings.model_fields.items() if is_secret(field)}
    found = {match[1] for span in spans(page) if (match := re.match(r"([A-Z]+(?:_[A-Z]+)+)(?:=|$)", span))}
    unknown = {name for name in found - settings if not OF_OTHERS.fullmatch(name)}
    assert {name for name in unknown if not re.search(rf"\b{name}\b", sources())} == set()


@pytest.mark.parametrize("page", NAMES)
def test_every_target_is_in_the_makefile(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [*spans(page), *(line for _, text in fences(page) for line in text.splitlines())]
    found = {match[1] for line in lines if (match := re.match(r"(?:\$ )?make ([a-z-]+)", line))}
    assert found <= targets


def verbs(page: str) -> Iterator[list[str]]:
    """The words after `enrich` in each command, and in each mention of one."""
    for each in [*commands(page), *spans(page)]:
        for call in re.findall(r"(?:^|[|&] *|\.venv/bin/)enrich ([^|#`]+)", each):
            yield call.split()


@pytest.mark.parametrize("page", NAMES)
def test_every_verb_and_option_of_enrich_exists(page: str) -> None:
    for first, *rest in verbs(page):
        command: Any = COMMANDS[first].load()
        while rest and rest[0] in getattr(command, "commands", ()):
            command = command.commands[rest.pop(0)]
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in rest if re.match(r"--?[a-z]", word)} <= {*options, "--help"}, (first, rest)


@pytest.mark.parametrize("page", NAMES)
def test_every_route_is_one_of_the_bridge(page: str) -> None:
    paths = json.loads((ROOT / "docs/openapi/bridge.json").read_text())["paths"]
    known = [re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in paths]
    for found in re.findall(r"\$BRIDGE_URL(/[\w/-]*)|(/api/bridge/[\w/{}-]+)", PAGES[page]):
        route = "".join(found).removesuffix("/metrics")
        assert any(each.fullmatch(route) for each in known), route


def logged() -> set[str]:
    """The events in pages and queries."""
    found = set(re.findall(r"\blogs? `(\w+)`", RUNBOOKS))
    found |= set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", section(OPERATIONS, "Logs")))
    queries = (ROOT / "deploy/logs/queries.esql").read_text()
    return found | set(re.findall(r'"(\w+_\w+)"', queries))


def test_every_event_is_logged() -> None:
    fields = {"document_id", "correlation_id", "project_name", "duration_ms", "error_type"}
    parts = {f"part_{status}" for status in PartStatus}
    events = logged() - fields
    assert len(events) > 25
    assert {event for event in events - parts if f'"{event}"' not in SOURCE} == set()


def test_every_panel_is_on_the_dashboard() -> None:
    titles = {panel["title"] for panel in json.loads(dashboards.build())["panels"]}
    found = re.findall(r"[Pp]anels? \*([\w -]+)\*(?:\s+and\s+\*([\w -]+)\*)?", f"{RUNBOOKS}{OPERATIONS}")
    shown = {title for pair in found for title in pair if title}
    assert len(shown) > 10
    assert shown <= titles


def test_every_message_that_is_quoted_is_one_of_ours() -> None:
    titles = {panel["title"] for panel in json.loads(dashboards.build())["panels"]}
    quoted = set(re.findall(r"(?<!\*)\*([\w][^*]*)\*(?!\*)", RUNBOOKS)) - titles - OF_OTHER_PAGES
    assert len(quoted) > 8
    assert {text for text in quoted if text.lower() not in SOURCE.lower()} == set()


def test_every_metric_is_exported() -> None:
    found = {name for page in PAGES.values() for name in re.findall(r"\barchon_[a-z_]+[a-z]\b", page)}
    assert found - {"archon_enrichment_consumer"} <= readable()


def test_every_answer_is_one_of_the_api() -> None:
    listed = re.findall(r"^- (\d{3} .+?): ", section(RUNBOOKS, "HTTP answers"), re.MULTILINE)
    answers = {answer for line in listed for answer in line.split(", ")}
    assert answers <= {f"{status} {title}" for status, title in STATUSES.values()}
    assert len(answers) > 12


def test_the_services_listen_where_the_page_says() -> None:
    settings = Settings(_env_file=None)
    found = re.findall(r"^\| (\w+), (\d+) \|", OPERATIONS, re.MULTILINE)
    assert {name: int(port) for name, port in found} == {
        name: getattr(settings, f"{name}_port") for name in ("bridge", "intelligence", "ingress", "worker")
    }


def test_the_exit_codes() -> None:
    found = PAGES["README.md"].split("Exit codes: ")[1].split("130")[0]
    assert {int(code) for code in re.findall(r"\d+", found)} == set(Exit)


def test_the_search_attributes() -> None:
    found = re.search(r"The (\d+) search attributes are (.*?)\. ", OPERATIONS, re.DOTALL)
    assert found is not None
    listed = re.findall(r"`(\w+)`", found[2])
    assert listed == list(names.SEARCH_ATTRIBUTES)
    assert int(found[1]) == len(listed)


def test_every_drift_has_its_repair() -> None:
    kinds = [
        kind for row in cells(section(OPERATIONS, "Reconcile and validate")) for kind in row[0].split(", ")
    ]
    assert sorted(kinds) == sorted(f"`{kind}`" for kind in Drift)


def test_each_error_has_its_retry_policy() -> None:
    rows = {
        name: row for row in cells(section(FAILURES, "Retries")) for name in re.findall(r"\w+Error", row[0])
    }
    expected = {error.__name__: treatment for error, treatment in TREATMENTS.items()}
    titled = {name for name in expected if name.startswith(("Store", "Intelligence", "Content", "Project"))}
    assert titled <= set(rows)
    for name, (_, failure, again) in rows.items():
        assert failure == f"`{expected[name].failure_type}`", name
        assert re.split(r"\W", again)[0] == expected[name].again.name.lower(), name
    assert cells(section(FAILURES, "Retries"))[-1] == [
        "any other",
        f"`{UNKNOWN.failure_type}`",
        UNKNOWN.again.name.lower(),
    ]


def test_the_delays_and_limits() -> None:
    minutes = [int((SELF_RETRY_AFTER * count).total_seconds() // 60) for count in range(1, SELF_RETRIES + 1)]
    *first, last = map(str, minutes)
    longest = PATIENT.maximum_interval
    assert longest is not None
    for claim in (
        f"after {', '.join(first)} and {last} minutes",
        f"every {DEAD_LETTER_AGAIN.days} days",
        f"after {LOST_AFTER.total_seconds():g} s",
        f"lost {LOST} workers",
        f"{RetrySettings().max_delay:g} s at most",
        f"{longest.total_seconds():g} s apart at most",
        f"{ORIGINAL_BYTES // 1024} KiB at most",
        " and ".join(f"`{kind}`" for kind in sorted(ALERTED)),
    ):
        assert claim in " ".join(FAILURES.split()), claim


def test_what_the_servers_must_be() -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose.servers.yaml").read_text())["services"]
    memgraph = re.search(r"Memgraph (\d+)\.(\d+) or newer", OPERATIONS)
    assert memgraph is not None
    image = re.search(r":(\d+)\.(\d+)", compose["memgraph"]["image"])
    assert image is not None
    assert tuple(map(int, image.groups())) >= tuple(map(int, memgraph.groups()))
    assert f"Qdrant {'.'.join(map(str, OLDEST_SERVER))} or newer" in OPERATIONS
    assert f"closed runs for {RETENTION.days} days, like the topics" in OPERATIONS
    kept = {timedelta(milliseconds=topic.retention_ms) for topic in topics(Settings(_env_file=None))}
    assert RETENTION in kept


def test_settings_that_a_stack_takes_from_outside() -> None:
    found = re.search(r"are refused, except (.*?) and the ports", OPERATIONS, re.DOTALL)
    assert found is not None
    assert set(re.findall(r"`(\w+)`", found[1])) <= HONOURED


def test_the_example_is_what_the_commands_print() -> None:
    reason = "http://127.0.0.1:8053 (INTELLIGENCE_SERVICE_URL): connection refused"
    part = Part(name=PartName.INTELLIGENCE, status=PartStatus.DOWN, reason=reason, working=False)
    cause = Cause(
        service=PartName.INTELLIGENCE, reason=reason, documents=60, status=EnrichmentStatus.PROCESSING
    )
    (finding,) = diagnose(Facts(parts=[part], waiting=[cause]))
    example = fences("docs/runbooks.md")[0][1]
    printed = f"1. {finding.what}\n   why   {finding.why}\n   next  {finding.next}\n"
    assert printed in example
    assert f"{counted(cause)}\n" in example


def test_the_alerts_that_are_consequences_exist() -> None:
    (routing,) = [yaml.safe_load(text) for tag, text in fences("docs/runbooks.md") if tag == "yaml"]
    (inhibited,) = routing["inhibit_rules"]
    listed = re.search(r'"(.*)"', inhibited["target_matchers"][0])
    assert listed is not None
    assert set(listed[1].split("|")) <= {each["alert"] for each in committed.alerts()}


def test_the_shipped_logs_have_one_index() -> None:
    logs = ROOT / "deploy/logs"
    (pattern,) = json.loads((logs / "index-template.json").read_text())["index_patterns"]
    shipped = yaml.safe_load((logs / "vector.yaml").read_text())["sinks"]["elasticsearch"]["bulk"]["index"]
    assert shipped.startswith(pattern.removesuffix("*"))
    assert f"FROM {pattern}" in (logs / "queries.esql").read_text()
    kept = json.loads((logs / "lifecycle.json").read_text())["policy"]["phases"]["delete"]["min_age"]
    assert f"`{pattern.removesuffix('*')}YYYY.MM.DD`, kept for {kept.removesuffix('d')} days" in OPERATIONS
