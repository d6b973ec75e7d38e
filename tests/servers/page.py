"""In: the committed records. Out: docs/servers/README.md."""

from collections.abc import Iterator, Mapping
from typing import Final

from tests.servers.promises import PRODUCTION, PROMISES, Promise, Role
from tests.servers.records import FOLDER, Counts, Record

PAGE: Final = FOLDER / "README.md"
_HEAD: Final = """\
# Which promise was shown on which server

`make servers` writes this page from the records beside it, made by `pytest --record-servers FILE`
([CONTRIBUTING.md](../../CONTRIBUTING.md#tests)). The [embedded servers](../adr/0006-embedded-stand-ins.md)
stand in for those of a production install; the Temporal server is the real one, on SQLite.

| promise | tests | on the embedded server | on others |
|---|---|---|---|
"""
_EMBEDDED: Final = "embedded"
"""The name of the record of the embedded servers."""


def page(records: Mapping[str, Record]) -> str:
    embedded = records.get(_EMBEDDED)
    others = [record for record in records.values() if record is not embedded]
    return _HEAD + "".join(_row(promise, embedded, others) for promise in PROMISES)


def _row(promise: Promise, embedded: Record | None, others: list[Record]) -> str:
    tests = ", ".join(f"`{module}`" for module in promise.modules)
    here = (embedded and _result(promise, embedded)) or "not run"
    return f"| {promise.text} | {tests} | {here} | {_elsewhere(promise, others, embedded)} |\n"


def _elsewhere(promise: Promise, others: list[Record], embedded: Record | None) -> str:
    """Results on servers that are not the embedded one, and which production server was not tried."""
    role = promise.role
    if role is Role.TEMPORAL:
        return ""
    own = embedded.servers[role] if embedded else ""
    ran = [found for each in others if each.servers[role] != own and (found := _result(promise, each))]
    if not any(found.startswith(PRODUCTION[role]) for found in ran):
        ran.append(f"{PRODUCTION[role]}: not run")
    return "; ".join(ran)


def _result(promise: Promise, record: Record) -> str | None:
    """None if one of the promise's modules did not run on the record's servers."""
    counts = [record.modules[module] for module in promise.modules if module in record.modules]
    if len(counts) < len(promise.modules):
        return None
    return f"{record.servers[promise.role]}: {', '.join(_sums(counts))}, {min(each.date for each in counts)}"


def _sums(counts: list[Counts]) -> Iterator[str]:
    for outcome in ("passed", "failed", "skipped"):
        if (total := sum(getattr(each, outcome) for each in counts)) or outcome == "passed":
            yield f"{total} {outcome}"
