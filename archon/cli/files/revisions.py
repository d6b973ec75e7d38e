"""In: a range of git revisions, or none for the work tree. Out: its patch, and the texts of both sides."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archon.cli.files import git
from archon.cli.files.decoding import decoded
from archon.cli.files.walk import Walk
from archon.contracts import identity
from archon.contracts.text import notebooks

_PATCH: Final = (
    *("--patch", "--unified=0", "--inter-hunk-context=0", "--find-renames", "--relative", "--no-color"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all"),
)
"""Both programs that git could start for a patch are off: external diff and text conversion."""


@dataclass(frozen=True)
class Revisions:
    """Two versions of the files below `root`. `new` is None for the work tree."""

    root: Path
    old: str
    new: str | None

    @classmethod
    def of(cls, root: Path, given: str | None) -> "Revisions":
        """`A..B`, `A...B` (since their merge base), `A` (the work tree since A), or None: the work tree since
        the last commit. An end that is left out is HEAD. Raises git.GitError."""
        first, dots, last = (given or "HEAD").partition("...")
        if not dots:
            first, dots, last = (given or "HEAD").partition("..")
        old = _commit(root, first or "HEAD")
        if not dots:
            return cls(root, old, None)
        new = _commit(root, last or "HEAD")
        if len(dots) == len("..."):
            old = git.ask(root, "merge-base", old, new)[0].decode().strip()
        return cls(root, old, new)

    def patch(self) -> bytes:
        """Without context lines; paths are relative to the root. Raises git.GitError."""
        if self.new is None:
            # Plumbing, which unlike `git diff` never writes the index.
            command = ("diff-index", *_PATCH, self.old, "--")
            return git.ask(self.root, *command, settings=_without_filters(self.root))[0]
        return git.ask(self.root, "diff-tree", "-r", *_PATCH, self.old, self.new, "--")[0]

    def old_text(self, path: str) -> str | None:
        """A file's text as `enrich ingest` would send it; None if it would not."""
        return self._committed(self.old, path)

    def new_text(self, path: str) -> str | None:
        if self.new is not None:
            return self._committed(self.new, path)
        file = Walk(self.root).read(self.root / path)
        return None if file is None else file.text

    def _committed(self, commit: str, path: str) -> str | None:
        try:
            data, _ = git.ask(self.root, "cat-file", "blob", f"{commit}:./{path}")
        except git.GitError:  # it is not in that commit
            return None
        content = decoded(data)
        if content is None:
            return None
        is_notebook = identity.language_of(path) == notebooks.LANGUAGE
        return notebooks.without_outputs(content.text) if is_notebook else content.text


def _commit(root: Path, name: str) -> str:
    """The id of a commit. Raises git.GitError."""
    answer, _ = git.ask(root, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    return answer.decode().strip()


def _without_filters(root: Path) -> dict[str, str]:
    """Settings that disable the filters that the configuration names: a comparison with the work tree would
    run them."""
    try:
        answer, _ = git.ask(
            root, "config", "-z", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process)$"
        )
    except git.GitError:  # it names none
        return {}
    names = answer.decode(errors="surrogateescape").split("\0")[:-1]
    filters = {name.rpartition(".")[0] for name in names}
    empty = {f"{each}.{what}": "" for each in filters for what in ("clean", "process")}
    return empty | {f"{each}.required": "false" for each in filters}
