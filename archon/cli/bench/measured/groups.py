"""In: the leaders of process groups. Out: the processor time and memory of each group.

Imports psutil, which a production install lacks: only a stack of bench's own is measured this way.
"""

import contextlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import psutil

from archon.cli.bench.measured.processes import BENCH, Usage

_BUSY: Final = ("user", "nice", "system", "irq", "softirq")
"""The states of a working processor; macOS has the first three."""


@dataclass(frozen=True)
class ProcessGroups:
    """Groups by name, each by its leader's process id. Pages that processes of a group share count for each
    of them."""

    leaders: Mapping[str, int]
    kind: Literal["proc", "metrics"] = "proc"

    @property
    def names(self) -> Collection[str]:
        return [*self.leaders, BENCH]

    async def read(self) -> Mapping[str, Usage]:
        groups: dict[int, Usage] = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                group = os.getpgid(process.pid)
                if group in self.leaders.values():
                    known, usage = groups.get(group, Usage(0.0, 0)), _usage(process)
                    groups[group] = Usage(known.cpu + usage.cpu, known.rss + usage.rss)
        found = {name: groups[pid] for name, pid in self.leaders.items() if pid in groups}
        return found | {BENCH: _usage(psutil.Process())}

    def busy(self) -> float:
        times = psutil.cpu_times()
        return sum(getattr(times, name, 0.0) for name in _BUSY)


def _usage(process: psutil.Process) -> Usage:
    """Includes children that have ended, except on macOS, which does not report them."""
    with process.oneshot():
        times = process.cpu_times()
        cpu = times.user + times.system + times.children_user + times.children_system
        return Usage(cpu, process.memory_info().rss)
