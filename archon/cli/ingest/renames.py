"""In: documents without a file, and files without a document. Out: renamed files, as pairs of both.

Git comes first, since it also finds renamed files that have changed; then files with the same content count
as renamed. A file with a name of another language is a new document, since it needs another analysis.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from archon.cli.files import git
from archon.cli.files.skipped import Skipped
from archon.cli.files.walk import Walk
from archon.cli.ingest.known import Known
from archon.clients.bridge import BridgeApi
from archon.contracts import identity
from archon.contracts.errors import NotFoundError

_ASKED: Final = 20
"""Maximum number of gone documents whose commit is looked up for git."""


async def find_renames(api: BridgeApi, walk: Walk, before: Known) -> None:
    """Records the renames in `before`; sends nothing. Reads the files without a document."""
    if not before.gone:
        return
    looking = replace(walk, skipped=Skipped())
    new: dict[str, bytes | None] = {}
    for path in walk.names:
        known = before.has(path.relative_to(walk.root).as_posix())
        if not known and (file := await asyncio.to_thread(looking.read, path)) is not None:
            new[file.path] = bytes.fromhex(identity.content_hash(file.text)) if file.text else None
    if not new:
        return
    seen: dict[str, str] = {}
    for commit in await _commits(api, before):
        seen |= await asyncio.to_thread(git.renames, walk.root, commit)
    gone = {old: before.hashes[each.key] for old, each in before.gone.items()}
    for name, old in list(matched(new, gone, seen)):
        before.rename(old, name)


def matched(
    new: Mapping[str, bytes | None], gone: Mapping[str, bytes], seen: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    """Pairs of a new path and the old one; each path is in at most one pair.

    `new`, `gone`: content hashes by path, None for an empty file, which matches no other; `seen`: git's
    renames, old paths by new ones.
    """
    by_git = {
        path: old
        for path, old in seen.items()
        if new.get(path) is not None and old in gone and _same_language(path, old)
    }
    left = {old: digest for old, digest in gone.items() if old not in by_git.values()}
    by_content: dict[bytes, list[str]] = {}
    for old, digest in sorted(left.items()):
        by_content.setdefault(digest, []).append(old)
    yield from by_git.items()
    for path, found in sorted(new.items()):
        olds = by_content.get(found, []) if found is not None and path not in by_git else []
        alike = [old for old in olds if _same_language(path, old)]
        if alike:
            old = max(alike, key=lambda each: _name(each) == _name(path))
            olds.remove(old)
            yield path, old


async def _commits(api: BridgeApi, before: Known) -> set[str]:
    """The commits of some of the gone documents."""
    found = set()
    for place in sorted(before.gone.values(), key=lambda each: each.key)[:_ASKED]:
        try:
            stored = await api.document(place.document_id, before.project)
        except NotFoundError:
            continue
        if isinstance(commit := stored.metadata.get("git_commit_hash"), str):
            found.add(commit)
    return found


def _same_language(path: str, other: str) -> bool:
    return identity.language_of(path) == identity.language_of(other)


def _name(path: str) -> str:
    return PurePosixPath(path).name
