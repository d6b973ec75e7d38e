"""Projects that are enriched in the background, and changes of the flags."""

import json
from pathlib import Path

import pytest

from archon.contracts.errors import ConfigurationError
from archon.contracts.operations.rollout import Flags, Mode, bucket
from archon.runtime.settings import Settings
from bridge.requests.rollout import Rollout

# From `printf %s NAME | md5sum | cut -c1-8`, modulo 100.
BUCKETS = {"archon": 95, "billing": 91, "web-shop": 94, "search": 29, "données": 28, "infra": 2}
PROJECTS = [f"project-{number}" for number in range(500)]


def rolled_out(percentage: int) -> set[str]:
    flags = Flags(async_enrichment_rollout_percentage=percentage)
    return {project for project in PROJECTS if flags.mode(project) is Mode.ASYNCHRONOUS}


@pytest.mark.parametrize(("project", "expected"), BUCKETS.items())
def test_the_bucket_follows_the_documented_formula(project: str, expected: int) -> None:
    assert bucket(project) == expected


@pytest.mark.parametrize("percentage", [0, 10, 50, 100])
def test_the_percentage_lets_in_the_buckets_below_it(percentage: int) -> None:
    assert rolled_out(percentage) == {project for project in PROJECTS if bucket(project) < percentage}


def test_a_rollout_that_grows_puts_nobody_out() -> None:
    stages = [rolled_out(percentage) for percentage in (0, 10, 50, 100)]
    assert not stages[0]
    assert stages[0] < stages[1] < stages[2] < stages[3] == set(PROJECTS)


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        (
            Flags(
                skip_intelligence_enrichment=True,
                enable_async_enrichment=False,
                async_enrichment_enabled_projects=["p"],
            ),
            Mode.SKIPPED,
        ),
        (
            Flags(enable_async_enrichment=False, async_enrichment_enabled_projects=["p"]),
            Mode.SYNCHRONOUS,
        ),
        (
            Flags(async_enrichment_enabled_projects=["p"], async_enrichment_rollout_percentage=0),
            Mode.ASYNCHRONOUS,
        ),
        (
            Flags(async_enrichment_enabled_projects=["q"], async_enrichment_rollout_percentage=0),
            Mode.SYNCHRONOUS,
        ),
        (Flags(), Mode.ASYNCHRONOUS),
    ],
)
def test_skip_goes_before_off_before_the_list_before_the_percentage(flags: Flags, mode: Mode) -> None:
    assert flags.mode("p") is mode


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_ASYNC_ENRICHMENT", "true")
    monkeypatch.setenv("ASYNC_ENRICHMENT_ENABLED_PROJECTS", "one, two ,,")
    monkeypatch.setenv("ASYNC_ENRICHMENT_ROLLOUT_PERCENTAGE", "10")
    monkeypatch.setenv("SKIP_INTELLIGENCE_ENRICHMENT", "false")
    assert Rollout(Settings.load()).flags == Flags(
        async_enrichment_enabled_projects=["one", "two"], async_enrichment_rollout_percentage=10
    )


async def test_the_file_goes_before_the_environment_and_is_taken_up_at_once(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    file.write_text("{}")
    settings = Settings(async_enrichment_rollout_percentage=50, enrichment_flags_file=str(file))
    rollout = Rollout(settings)
    assert rollout.flags == Flags(async_enrichment_rollout_percentage=50)
    file.write_text(json.dumps({"async_enrichment_rollout_percentage": 0}))
    assert rollout.flags == Flags(async_enrichment_rollout_percentage=0)
    file.write_text(json.dumps({"enable_async_enrichment": False}))
    assert rollout.flags == Flags(enable_async_enrichment=False, async_enrichment_rollout_percentage=50)
    await rollout.check()


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("{", "JSON"),
        ('{"rollout": 10}', "rollout"),
        ('{"async_enrichment_rollout_percentage": 101}', "async_enrichment_rollout_percentage"),
    ],
)
async def test_a_broken_file_is_reported_and_leaves_the_flags_in_force(
    tmp_path: Path, broken: str, problem: str
) -> None:
    file = tmp_path / "flags.json"
    file.write_text('{"async_enrichment_rollout_percentage": 10}')
    rollout = Rollout(Settings(enrichment_flags_file=str(file)))
    file.write_text(broken)
    assert rollout.flags.async_enrichment_rollout_percentage == 10
    with pytest.raises(ConfigurationError, match=problem):
        await rollout.check()
    with pytest.raises(ConfigurationError, match=f"ENRICHMENT_FLAGS_FILE: {file}"):
        Rollout(Settings(enrichment_flags_file=str(file)))
