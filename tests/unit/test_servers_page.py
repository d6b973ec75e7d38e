"""docs/servers/README.md says what the records say; a promise that was not shown is not shown."""

from pathlib import Path

import pytest

from tests.pages import ROOT
from tests.servers.page import PAGE, page
from tests.servers.promises import PRODUCTION, PROMISES, Role
from tests.servers.recording import servers_of_run
from tests.servers.records import Record, committed

EMBEDDED = {
    Role.KAFKA: "Broker 1",
    Role.GRAPH: "Graph 1",
    Role.VECTORS: "Engine 1",
    Role.TEMPORAL: "Temporal 1",
}
FENCES = next(each for each in PROMISES if "test_graph" in each.modules[0])


def outcomes(outcome: str, *modules: str) -> dict[str, str]:
    return {f"tests/{module}::test_it": outcome for module in modules}


def row(text: str, records: dict[str, Record]) -> str:
    return next(line for line in page(records).splitlines() if line.startswith(f"| {text} |"))


def test_the_page_is_what_the_records_say() -> None:
    assert PAGE.read_text() == page(committed()), "run `make servers`"


def test_on_the_embedded_servers_nothing_failed() -> None:
    modules = committed()["embedded"].modules
    assert not [module for module, counts in modules.items() if counts.failed or not counts.passed]


def test_every_module_of_a_promise_exists() -> None:
    assert [m for each in PROMISES for m in each.modules if not (ROOT / "tests" / m).is_file()] == []


def test_a_production_server_without_a_record_was_not_run() -> None:
    shown = row(FENCES.text, {"embedded": Record.of(EMBEDDED, outcomes("passed", *FENCES.modules))})
    assert "Graph 1: 2 passed" in shown
    assert shown.endswith(f"| {PRODUCTION[Role.GRAPH]}: not run |")


def test_another_server_is_shown_beside_the_embedded_one_with_its_failures() -> None:
    elsewhere = Record.of(
        {**EMBEDDED, Role.GRAPH: "Memgraph 3"},
        {**outcomes("passed", FENCES.modules[0]), **outcomes("failed", FENCES.modules[1])},
    )
    shown = row(FENCES.text, {"memgraph": elsewhere})
    assert "| not run | Memgraph 3: 1 passed, 1 failed," in shown


def test_a_promise_with_a_module_that_did_not_run_was_not_shown() -> None:
    half = Record.of(EMBEDDED, outcomes("passed", FENCES.modules[0]))
    assert "| not run |" in row(FENCES.text, {"embedded": half})


def test_a_second_run_adds_its_modules_unless_the_servers_are_others(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(Record.of(EMBEDDED, outcomes("passed", "a.py")).model_dump_json())
    second = Record.of(EMBEDDED, outcomes("failed", "b.py"))
    assert set(second.onto(file).modules) == {"a.py", "b.py"}
    other = Record.of({**EMBEDDED, Role.KAFKA: "Broker 2"}, outcomes("passed", "b.py"))
    assert set(other.onto(file).modules) == {"b.py"}


@pytest.mark.slow
def test_a_broker_needs_its_name_because_it_has_none_in_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHON_TEST_KAFKA", "127.0.0.1:1")
    monkeypatch.delenv("ARCHON_TEST_KAFKA_NAME", raising=False)
    with pytest.raises(pytest.UsageError, match="ARCHON_TEST_KAFKA_NAME"):
        servers_of_run()
    monkeypatch.setenv("ARCHON_TEST_KAFKA_NAME", "Apache Kafka 4.1.0")
    assert servers_of_run()[Role.KAFKA] == "Apache Kafka 4.1.0"
