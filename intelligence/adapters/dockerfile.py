"""In: a Dockerfile. Out: its stages, and the images and stages that they are based on."""

import re
from collections.abc import Iterator
from typing import Final

from archon.contracts.text.lines import lines_of
from intelligence.adapters.outline import Item, Outline

_FROM: Final = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_COPY: Final = re.compile(r"(?:COPY|ADD|RUN)\s.*?(?:--from=|[,=]from=)([^\s,]+)", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"#\s*escape\s*=\s*`", re.IGNORECASE)
_HEREDOC: Final = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")


def read(text: str) -> Outline:
    """A stage without a name is named by its number, as in `COPY --from`."""
    found = Outline()
    stages: dict[str, Item] = {}
    stage: Item | None = None
    for line, instruction in _instructions(text):
        if match := _FROM.match(instruction):
            image, name = match[1], match[2] or str(len(stages))
            stage = found.add("stage", name, line, signature=instruction[:300])
            _from(found, stages.get(image.lower()), stage, image, line)
            stages[name.lower()] = stage
        elif stage is not None:
            match = _COPY.match(instruction[:2000])
            if match and match[1].lower() not in stages and not match[1].isdigit():
                found.relate("imports", match[1], line)
        if stage is not None:
            stage.end_line = line + instruction.count("\n")
    return found


def _from(found: Outline, base: Item | None, stage: Item, image: str, line: int) -> None:
    if base is not None:
        found.relate("inherits", base.name, line, stage)
    elif image.lower() != "scratch":
        found.relate("imports", image, line)


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Each instruction with its first line, including continued lines and here-documents."""
    escape = "`" if _ESCAPE.match(text) else "\\"
    lines = iter(enumerate(lines_of(text), start=1))
    for number, first in lines:
        if not first.strip() or first.lstrip().startswith("#"):
            continue
        whole, last = [first.strip().removesuffix(escape)], first
        while last.rstrip().endswith(escape):
            last = next(lines, (0, ""))[1]
            if not last.lstrip().startswith("#"):
                whole.append(last.strip().removesuffix(escape))
            else:
                last = escape
        for word in _HEREDOC.findall(whole[0] if len(whole[0]) < 2000 else ""):  # noqa: PLR2004
            for _, body in lines:
                whole.append("")
                if body.strip() == word:
                    break
        yield number, "\n".join(whole)
