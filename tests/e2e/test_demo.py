"""`enrich demo` on a stack that runs: what it shows of a small directory; tests/e2e/test_cli.py has it with a
stack of its own."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from archon.cli import demo
from archon.cli.ingest.tally import Report
from archon.cli.terminal.output import Format
from archon.devstack.stack import Ports, Stack
from tests.repositories import write

FILES = {
    "shop/cart.py": 'def total(items):\n    """Adds up the prices."""\n    return sum(items)\n',
    "shop/main.py": "from shop.cart import total\n\n\ndef main():\n    return total([1])\n",
    "README.md": "# Shop\n\nIt sells.\n",
}


@pytest.fixture
def directory(tmp_path: Path, project: str) -> Path:
    write(tmp_path / project, FILES)
    return tmp_path / project


async def shown(directory: Path, output: Format) -> None:
    done: list[Report] = []
    await demo._demo(directory, directory.parent, Ports(), output, done, stay=False, kept=True)
    assert [(each.documents, each.enriched) for each in done] == [(len(FILES), len(FILES))]


async def test_the_demo_shows_what_it_found(
    own: Stack, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextlib.asynccontextmanager
    async def running(*_: object, **__: object) -> AsyncIterator[Stack]:
        yield own

    monkeypatch.setattr(demo, "running", running)
    await shown(directory, Format.JSON)
    report = json.loads(capsys.readouterr().out)
    assert (report["data_dir"], report["entities"]) == (str(directory.parent), 3)
    assert len(report["searches"]) == len(demo.SEARCHES)
    assert all(each["hits"] for each in report["searches"])
    assert [each["symbol"]["qualified_name"] for each in report["impact"]["changed"]] == ["total"]
    assert report["impact"]["relations"]
    await shown(directory, Format.TABLE)
    assert "If total changes" in capsys.readouterr().out
