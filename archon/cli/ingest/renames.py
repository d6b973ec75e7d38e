"""In: documents whose files are gone, and files without a document. Out: which of them is the same, renamed.

Git is asked first, since it also knows files that have changed on the way; then the same content is the same
file. A file whose name says another language is another document: it has to be analysed anew.
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
"""Of how many documents that are gone the commit is looked up, of which git is then asked."""


async def find_renames(api: BridgeApi, walk: Walk, before: Known) -> None:
    """Let `before` know what has been renamed; nothing is sent. Reads the files that have no document."""
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
    """Pairs of a new path and the old one, each path in one pair at most.

    `new`, `gone`: content hashes by path, None for an empty file, which is like any other and so none of
    them; `seen`: old paths by the new ones, as git has it.
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
    """The commits of which some of the documents that are gone were."""
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
