"""The comparison of two commits: set-up, evaluation of the runs, and requirements."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from archon.cli.bench.against import checkouts
from archon.cli.bench.against.result import Requirement, compared, failures
from archon.cli.bench.measured.report import Phase
from archon.contracts.errors import InvalidInputError
from tests.eventually import eventually
from tests.processes import alive
from tests.unit.test_bench import sample


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *arguments], cwd=directory, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Its set-up records that it was done, and with which Python."""
    makefile = ".venv/.ready: Makefile\n\t@mkdir -p .venv && echo $(PYTHON) >> .venv/.ready\n"
    (tmp_path / "Makefile").write_text(makefile)
    (tmp_path / "text").write_text("before")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    (tmp_path / "text").write_text("after")
    git(tmp_path, "commit", "--quiet", "--all", "--message", "second")
    return tmp_path


async def test_a_commit_is_set_up_once_in_a_place_of_its_own(repository: Path) -> None:
    for _ in range(2):
        found = await checkouts.commit("HEAD~1", repository)
        assert found.directory.is_relative_to(repository / ".venv")
        assert (found.directory / "text").read_text() == "before"
        assert (found.directory / ".venv" / ".ready").read_text() == f"{sys.executable}\n"
        assert found.python == found.directory / ".venv" / "bin" / "python"
        assert found.label.endswith(" first")


async def test_a_set_up_that_was_interrupted_is_finished_the_next_time(repository: Path) -> None:
    found = await checkouts.commit("HEAD", repository)
    (found.directory / ".venv" / ".ready").unlink()
    again = await checkouts.commit("HEAD", repository)
    assert (again.directory / ".venv" / ".ready").exists()


async def test_an_unusable_base_commit_is_named(repository: Path) -> None:
    with pytest.raises(InvalidInputError, match="'nothing' is not a commit"):
        await checkouts.commit("nothing", repository)
    (repository / "Makefile").write_text("all:\n")
    git(repository, "commit", "--quiet", "--all", "--message", "changed")
    with pytest.raises(checkouts.CheckoutError, match=r"could not be set up; the log is .*\.log"):
        await checkouts.commit("HEAD", repository)


async def test_the_work_tree_says_what_is_not_committed(repository: Path) -> None:
    assert (await checkouts.head(repository)).label.endswith(" second")
    (repository / "text").write_text("changed")
    found = await checkouts.head(repository)
    assert found.label.endswith(" second, with 1 uncommitted files")
    assert (found.directory, found.python) == (repository, Path(sys.executable))


async def test_without_a_repository_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(checkouts.CheckoutError, match="not a git repository"):
        await checkouts.commit("HEAD", tmp_path)


def runs(*rates: float) -> list:
    return [sample(enrichment=Phase(documents=2, seconds=1, per_second=rate)) for rate in rates]


def test_medians_and_their_spread_are_compared() -> None:
    found = {each.name: each for each in compared(runs(4, 6, 5), runs(8, 18, 5))}
    enriched = found["enriched"]
    assert enriched.base is not None
    assert (enriched.base.median, enriched.base.least, enriched.base.most) == (5, 4, 6)
    # Of each round, not of the medians: the machine may become slower for both.
    assert enriched.ratio is not None
    assert (enriched.ratio.median, enriched.ratio.least, enriched.ratio.most) == (2, 1, 3)
    # No ratio to zero; a figure that only one commit has is shown without one.
    assert found["lost"].ratio is None
    without = [each.model_copy(update={"history": None}) for each in runs(1, 1)]
    events = next(each for each in compared(without, runs(1, 1)) if each.name == "history events")
    assert (events.base, events.ratio) == (None, None)
    assert events.head is not None


def test_a_report_names_lost_documents_and_figures() -> None:
    good, bad = sample(), sample(notes=["history: gone"])
    bad.parameters.documents = 3
    assert failures("head", [good, bad]) == [
        "head, round 2: 1 documents are not enriched",
        "head, round 2: history: gone",
    ]


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("enriched>=2", True),
        ("enriched >= 2.1", False),
        ("enriched<=2.5", True),
        ("history_events<=1", True),
        ("head history events<=41", True),
        ("head history events<=40", False),
        ("head enriched>=10", True),
        ("lost<=1", False),
        ("head lost<=0", True),
        ("no such figure<=1", False),
    ],
)
def test_requirements_are_of_the_ratio_or_of_the_head(text: str, met: bool) -> None:
    assert (Requirement.parse(text).unmet(compared(runs(5, 5), runs(10, 10))) is None) is met


@pytest.mark.parametrize("text", ["enriched", "enriched>2", "enriched>=fast", ">=2"])
def test_a_malformed_requirement_is_named(text: str) -> None:
    with pytest.raises(InvalidInputError, match="--require"):
        Requirement.parse(text)


async def test_an_interrupted_set_up_leaves_nothing_running(repository: Path) -> None:
    (repository / "Makefile").write_text(
        ".venv/.ready:\n\t@mkdir -p .venv && echo $$$$ > .venv/pid && sleep 60\n"
    )
    git(repository, "commit", "--quiet", "--all", "--message", "changed")
    setting_up = asyncio.create_task(checkouts.commit("HEAD", repository))

    async def begun() -> Path | None:
        return next((path for path in repository.glob(".venv/compare/*/.venv/pid") if path.read_text()), None)

    pid = int((await eventually(begun)).read_text())
    setting_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await setting_up

    async def gone() -> bool:
        return not alive(pid)

    await eventually(gone)
