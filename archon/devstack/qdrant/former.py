"""In: a directory of an earlier release's server, written by qdrant-client's local mode. Out: its
collections, converted once; services create the payload indexes when they start."""

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from archon.contracts.errors import ArchonError
from archon.devstack.qdrant.collections import Collections
from archon.devstack.qdrant.operations import operation

_PAGE: Final = 500


class TakeOverError(ArchonError):
    """Names the directory, and the next step."""


def take_over(path: Path, collections: Collections) -> None:
    """Does nothing if there is nothing to convert. An interrupted conversion starts again. Raises
    TakeOverError."""
    mark = path / "meta.json"
    if not mark.exists():
        return
    try:
        _copy(path, collections)
    except Exception as error:
        raise TakeOverError(
            f"the vectors of an earlier release in {path} cannot be taken over ({error!r}): move the "
            "directory away and start again; `enrich reconcile` has the documents written again"
        ) from error
    mark.unlink()
    shutil.rmtree(path / "collection")


def _copy(path: Path, collections: Collections) -> None:
    # Imported only here: it takes a second.
    local = import_module("qdrant_client.local.qdrant_local").QdrantLocal(location=str(path))
    try:
        for name, former in local.collections.items():
            collections.delete(name)
            _copy_one(former, collections, name)
    finally:
        local.close()


def _copy_one(former: Any, collections: Collections, name: str) -> None:
    parameters = former.config.model_dump(
        mode="json", exclude_none=True, include={"vectors", "sparse_vectors"}
    )
    made, after, more = collections.create(name, parameters), None, True
    while more:
        points, after = former.scroll(limit=_PAGE, offset=after, with_payload=True, with_vectors=True)
        page = [each.model_dump(mode="json", include={"id", "vector", "payload"}) for each in points]
        made.update([operation(made.schema, "upsert", {"points": page})], size=1)
        more = after is not None
    made.flush()
