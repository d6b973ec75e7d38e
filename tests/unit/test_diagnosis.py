"""A doctor's findings: causes before consequences, each with the next step."""

from archon.cli.estate.diagnosis import Facts, diagnose
from archon.cli.estate.shown import counted
from archon.contracts.estate import Cause, Part, PartName, PartStatus, WaitingFor
from archon.contracts.types import EnrichmentStatus
from archon.runtime.misspelt import Misspelt

NO_PARTS = {PartName.OPERATOR, PartName.STORAGE}
UP = {name: Part(name=name, status=PartStatus.UP) for name in PartName if name not in NO_PARTS}


def facts(*others: Part, **rest: object) -> Facts:
    parts = {**UP, **{part.name: part for part in others}}
    return Facts.model_validate({"parts": list(parts.values()), **rest})


def waiting(name: PartName, *services: PartName, reason: str = "a reason") -> Part:
    shown = [WaitingFor(service=service, reason=reason) for service in services]
    return Part(name=name, status=PartStatus.WAITING, waiting_for=shown)


def cause(service: PartName, documents: int = 60, reason: str = "a reason") -> Cause:
    return Cause(service=service, reason=reason, documents=documents, status=EnrichmentStatus.PROCESSING)


def test_an_installation_that_is_well_has_no_findings() -> None:
    assert diagnose(facts(dimensions=256, wanted_dimensions=256, lag=5, clocks={"worker": 1.2})) == []


def test_a_consequence_of_a_dead_part_is_listed_after_it() -> None:
    graph = Part(name=PartName.GRAPH, status=PartStatus.DOWN, reason="connection refused", working=False)
    kafka = Part(name=PartName.KAFKA, status=PartStatus.DOWN, reason="no such host", working=False)
    worker = waiting(PartName.WORKER, PartName.GRAPH)
    found = diagnose(facts(worker, graph, kafka, waiting=[cause(PartName.GRAPH)]))
    shown = [(each.part, each.consequence_of) for each in found]
    assert shown == [(PartName.KAFKA, []), (PartName.GRAPH, []), (PartName.WORKER, [PartName.GRAPH])]
    assert "60 documents wait for it" in found[1].what
    assert "MEMGRAPH_URI" in found[1].next


def test_a_part_of_enrich_up_is_brought_back_by_its_command() -> None:
    def step(reason: str, *, stopped: bool = False) -> tuple[str, str]:
        graph = Part(name=PartName.GRAPH, status=PartStatus.DOWN, reason=reason, working=False)
        (found,) = diagnose(facts(graph, own={"graph": {"service": "graph", "stopped": stopped}}))
        return found.why, found.next

    assert step("graph: connection refused", stopped=True) == (
        "it was stopped by `enrich stop graph`",
        "`enrich start graph`",
    )
    assert "`enrich restart graph`: it runs, but hangs" in step("graph: no answer within 2 s")[1]
    assert "`enrich logs graph` shows why" in step("graph: connection refused")[1]


def test_a_chain_of_waiting_parts_has_one_finding() -> None:
    worker = waiting(PartName.WORKER, PartName.INTELLIGENCE)
    bridge = waiting(PartName.BRIDGE, PartName.WORKER)
    (found,) = diagnose(facts(worker, bridge))
    assert "circuit breaker is open" in found.what


def test_a_service_that_does_not_reach_what_we_reach_has_other_settings() -> None:
    (found,) = diagnose(facts(waiting(PartName.WORKER, PartName.GRAPH)))
    assert "which answers here" in found.what
    assert "MEMGRAPH_URI" in found.next


def test_a_full_disk_explains_a_graph_that_takes_no_writes() -> None:
    reason = "graph: 0.00 of 0.75 GiB free in /var/lib/graph"
    worker = Part(
        name=PartName.WORKER,
        status=PartStatus.WAITING,
        waiting_for=[
            WaitingFor(service=PartName.STORAGE, reason=reason),
            WaitingFor(service=PartName.GRAPH, reason="graph: answers, but takes no writes"),
        ],
    )
    first, second = diagnose(facts(worker))
    assert (first.part, first.why, first.consequence_of) == (PartName.STORAGE, reason, [])
    assert (second.part, second.consequence_of) == (PartName.WORKER, [PartName.STORAGE, PartName.GRAPH])


def test_a_full_disk_explains_a_store_that_does_not_answer() -> None:
    content = Part(
        name=PartName.CONTENT, status=PartStatus.DOWN, reason="No space left on device", working=False
    )
    first, second = diagnose(facts(content, waiting(PartName.BRIDGE, PartName.STORAGE)))[:2]
    assert (first.part, second.part) == (PartName.STORAGE, PartName.CONTENT)
    assert second.consequence_of == [PartName.STORAGE]


def test_a_full_disk_explains_nothing_else() -> None:
    graph = Part(name=PartName.GRAPH, status=PartStatus.DOWN, reason="connection refused", working=False)
    found = diagnose(facts(graph, waiting(PartName.BRIDGE, PartName.STORAGE)))
    assert [each.part for each in found if not each.consequence_of] == [PartName.STORAGE, PartName.GRAPH]


def test_a_service_with_another_vector_length_must_take_the_stored_one() -> None:
    reason = "collection documents has vectors of size 256, and wants 384 (EMBEDDING_DIMENSIONS)"
    (found,) = diagnose(facts(waiting(PartName.WORKER, PartName.QDRANT, reason=reason)))
    assert found.next.startswith("Set EMBEDDING_DIMENSIONS of the service to the stored")


def test_the_next_step_fits_a_content_store_and_what_may_hang() -> None:
    content, kafka = (
        Part(name=name, status=PartStatus.DOWN, reason=reason, working=False)
        for name, reason in ((PartName.CONTENT, "permission denied"), (PartName.KAFKA, "not connected yet"))
    )
    found = {each.part: each.next for each in diagnose(facts(content, kafka))}
    assert "is writable" in found[PartName.CONTENT]
    assert "restart it if it hangs" in found[PartName.KAFKA]


def test_requests_that_nobody_takes_are_a_consequence() -> None:
    ingress = Part(name=PartName.INGRESS, status=PartStatus.DOWN, reason="connection refused", working=False)
    first, second = diagnose(facts(ingress, lag=7))
    assert (first.part, second.consequence_of) == (PartName.INGRESS, [PartName.INGRESS])
    assert "7 requests" in second.what


def test_a_part_that_is_not_set_up_says_what_it_lacks() -> None:
    lacks = Part(name=PartName.KAFKA, status=PartStatus.UNFIT, reason="Kafka has no topic x")
    (found,) = diagnose(facts(lacks))
    assert (found.why, "enrich setup" in found.next) == ("Kafka has no topic x", True)


def test_settings_dimensions_parked_documents_and_clocks() -> None:
    found = diagnose(
        facts(
            misspelt=[Misspelt("QDRANT_URI", "QDRANT_URL")],
            dimensions=384,
            wanted_dimensions=256,
            waiting=[cause(PartName.OPERATOR, 5, "parked (3 service_down, 2 permanent)")],
            clocks={"worker": -42.0, "bridge": 2.0},
        )
    )
    settings, dimensions, parked, clock = found
    assert "QDRANT_URL" in settings.next
    assert "384" in dimensions.why
    assert "service_down" in parked.why
    assert "42 s behind" in clock.what


PASSWORD = (
    "bolt://here (MEMGRAPH_URI): MEMGRAPH_USER or MEMGRAPH_PASSWORD is missing or wrong, or not allowed"
)


def test_a_graph_that_refuses_the_worker_alone_is_not_down() -> None:
    (found,) = diagnose(facts(waiting(PartName.WORKER, PartName.GRAPH, reason=PASSWORD)))
    assert found.what == "the graph answers, but refuses the worker"
    assert found.next == "Correct MEMGRAPH_USER or MEMGRAPH_PASSWORD of the service"


def test_a_refused_password_is_a_cause_even_while_the_graph_is_slow() -> None:
    graph = Part(name=PartName.GRAPH, status=PartStatus.DOWN, reason="no answer within 2 s", working=False)
    found = diagnose(facts(graph, waiting(PartName.WORKER, PartName.GRAPH, reason=PASSWORD)))
    assert [(each.part, each.consequence_of) for each in found] == [
        (PartName.GRAPH, []),
        (PartName.WORKER, []),
    ]


def test_a_graph_that_refuses_the_command_explains_no_waiting_part() -> None:
    graph = Part(name=PartName.GRAPH, status=PartStatus.DOWN, reason=f"graph: {PASSWORD}", working=False)
    worker = waiting(PartName.WORKER, PartName.GRAPH, reason="connection refused")
    own, other = diagnose(facts(graph, worker))
    assert own.what == "the graph answers, but refuses the settings here"
    assert own.next == "Correct MEMGRAPH_USER or MEMGRAPH_PASSWORD"
    assert (other.part, other.consequence_of) == (PartName.WORKER, [])


def test_the_line_of_a_cause_counts_documents_whatever_their_status() -> None:
    assert counted(cause(PartName.WORKER, 2)) == "2 documents wait for the worker (a reason)"
    about = cause(PartName.WORKER, 1).model_copy(update={"estimated": True})
    assert counted(about) == "about 1 document waits for the worker (a reason)"
