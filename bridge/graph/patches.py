"""In: a patch, and the contents that are analysed. Out: the impact of the lines that it changes in these
contents."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archon.contracts.code.answers import Impact
from archon.contracts.code.patches import ChangedFile, Patch, Side
from archon.references.port import Questions


async def impact_of(questions: Questions, patch: Patch, **limits: Any) -> Impact:
    """`limits` as of Questions.impact."""
    paths = {side.file_path for file in patch.files for side in file.sides}
    analysed = await questions.contents(patch.project, sorted(paths))
    chosen = Chosen()
    for file in patch.files:
        chosen.add(file, analysed)
    found = await questions.impact(patch.project, paths=chosen.whole, lines={**chosen.lines}, **limits)
    return found.model_copy(update={"unknown_paths": chosen.unknown, "differing_paths": chosen.differing})


@dataclass
class Chosen:
    """Of each file the side whose content is analysed; the newest one if neither is."""

    lines: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    whole: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    def add(self, file: ChangedFile, analysed: Mapping[str, str]) -> None:
        """`analysed`: content hashes by path."""
        known = [side for side in file.sides if side.file_path in analysed]
        if not known:
            self.unknown.append(file.name)
            return
        same = [side for side in known if side.content_hash in {None, analysed[side.file_path]}]
        if not same:
            self.differing.append(file.name)
        self._take((same or known)[0])

    def _take(self, side: Side) -> None:
        if side.lines is None:
            self.whole.append(side.file_path)
        else:
            self.lines[side.file_path] += side.lines
