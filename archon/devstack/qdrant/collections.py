"""In: a directory. Out: its collections: one shard of the engine each, with the parameters of their creation.

A write is in the engine's log when it returns, so a killed process loses nothing. Flushing limits the length
of the log, and the loss in a power failure.
"""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import qdrant_edge as edge

from archon.devstack.qdrant.operations import Operation, Schema
from archon.devstack.qdrant.protocol import (
    Body,
    ExistsError,
    MissingError,
    NotOfferedError,
    WrongInputError,
    engine_errors,
    only,
    reading,
)

FLUSH_BYTES: Final = 32 * 2**20
"""Bytes of requests between flushes. After a crash they are replayed, about 500 documents per second."""
_NAME: Final = re.compile(r'[^<>:"/\\|?*\x00-\x1f]{1,255}')
_PARAMETERS: Final = "collection.json"
_SHARD: Final = "shard"
_TIDIED: Final = 20_000
"""Maximum number of points in a collection that is compacted when it is opened, which takes a second or two.
Larger collections keep the space of deleted points, about 2 KB for each deleted or replaced chunk."""
_NO_INDEX: Final = 2**40
"""Kilobytes of vectors from which an index is built. Building would block everything for minutes, and a
search within one project reads only its vectors."""


@dataclass
class Collection:
    """`parameters`: as sent by the client. `unflushed`: bytes."""

    directory: Path
    parameters: Body
    schema: Schema
    shard: edge.EdgeShard
    unflushed: int = 0

    @classmethod
    def create(cls, directory: Path, parameters: Body) -> Self:
        """Replaces the remains of an interrupted creation."""
        with reading():
            schema, config = _schema(parameters), _config(parameters)
        shutil.rmtree(directory, ignore_errors=True)
        (directory / _SHARD).mkdir(parents=True)
        with engine_errors():
            shard = edge.EdgeShard.create(str(directory / _SHARD), config)
            shard.flush()
        written = directory / f"{_PARAMETERS}.new"
        written.write_text(json.dumps(parameters))
        written.replace(directory / _PARAMETERS)
        return cls(directory, parameters, schema, shard)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Replays the operations that were not flushed."""
        parameters = json.loads((directory / _PARAMETERS).read_bytes())
        shard = edge.EdgeShard.load(str(directory / _SHARD))
        if shard.info().points_count <= _TIDIED:
            shard.optimize()
        return cls(directory, parameters, _schema(parameters), shard)

    def update(self, operations: Sequence[Operation], size: int) -> None:
        """Applies operations in order, up to the first failure. `size`: of the request, in bytes."""
        self.unflushed += size
        with engine_errors():
            for each in operations:
                self.shard.update(each)
        if self.unflushed > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.unflushed:
            self.shard.flush()
            self.unflushed = 0

    def delete(self) -> None:
        (self.directory / _PARAMETERS).unlink()
        self.shard.close()
        shutil.rmtree(self.directory)


@dataclass
class Collections:
    """Collections by name."""

    root: Path
    opened: dict[str, Collection]

    @classmethod
    def at(cls, root: Path) -> Self:
        """Opens existing collections; raises the engine's error for a collection that it cannot open."""
        root.mkdir(parents=True, exist_ok=True)
        found = sorted(root.glob(f"*/{_PARAMETERS}"))
        return cls(root, {each.parent.name: Collection.load(each.parent) for each in found})

    def get(self, name: str) -> Collection:
        if name not in self.opened:
            raise MissingError(f"Not found: Collection `{name}` doesn't exist!")
        return self.opened[name]

    def create(self, name: str, parameters: Body) -> Collection:
        if name in self.opened:
            raise ExistsError(f"Wrong input: Collection `{name}` already exists!")
        if not _NAME.fullmatch(name) or name.startswith("."):
            raise WrongInputError(f"Wrong input: `{name}` is no name for a collection")
        self.opened[name] = Collection.create(self.root / name, parameters)
        return self.opened[name]

    def delete(self, name: str) -> bool:
        """False if there was none."""
        if name not in self.opened:
            return False
        self.opened.pop(name).delete()
        return True

    def flush(self) -> None:
        for each in self.opened.values():
            each.flush()


def _schema(parameters: Body) -> Schema:
    dense = {name: each["size"] for name, each in _dense(parameters).items()}
    return Schema(dense, frozenset(parameters.get("sparse_vectors") or {}))


def _config(parameters: Body) -> edge.EdgeConfig:
    """Parameters that only tune Qdrant have no effect here."""
    only(
        parameters,
        *("vectors", "sparse_vectors", "metadata", "on_disk_payload", "shard_number", "replication_factor"),
        *(
            "write_consistency_factor",
            "hnsw_config",
            "optimizers_config",
            "wal_config",
            "quantization_config",
        ),
    )
    return edge.EdgeConfig(
        vectors={name: _dense_params(each) for name, each in _dense(parameters).items()},
        sparse_vectors={
            name: _sparse_params(each) for name, each in (parameters.get("sparse_vectors") or {}).items()
        },
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_NO_INDEX),
        # There is only one segment to search.
        max_search_threads=1,
    )


def _dense(parameters: Body) -> Mapping[str, Body]:
    """Vectors by name; a single vector has none."""
    found = parameters.get("vectors") or {}
    return {"": found} if "size" in found else found


def _dense_params(body: Body) -> edge.EdgeVectorParams:
    only(body, "size", "distance", "hnsw_config", "quantization_config", "on_disk", "memory")
    return edge.EdgeVectorParams(size=body["size"], distance=getattr(edge.Distance, body["distance"]))


def _sparse_params(body: Body) -> edge.EdgeSparseVectorParams:
    only(body, "index", "modifier")
    modifier = body.get("modifier")
    if modifier not in {None, "idf", "none"}:
        raise NotOfferedError(f"Not implemented: modifier {modifier}")
    return edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if modifier == "idf" else None)
