"""In: the Bolt driver's errors. Out: ours: a conflict, a document's fault, or, for all the rest, an outage.

Memgraph has codes of their own for few errors: most arrive as the same client error, and only their text
tells them apart. So what is not known to be a document's fault is waited for, within the outage budget.
"""

import contextlib
from collections.abc import Iterator
from typing import Final

from neo4j import exceptions as bolt_errors

from archon.contracts.errors import StoreConflictError, StoreError, StoreRejectedError, StoreUnavailableError
from archon.runtime.reasons import in_words

_RACED: Final = "unique constraint violation"
"""Two transactions created one key. Memgraph says so at COMMIT, as a client error of no special class."""
_GONE: Final = "Neo.ClientError.Statement.EntityNotFound"
"""What a statement has found was deleted before it got its lock: tried again, it finds something else."""
_OF_THE_DOCUMENT: Final = frozenset(
    {
        "Neo.ClientError.Statement.ArgumentError",
        "Neo.ClientError.Statement.ArithmeticError",
        "Neo.ClientError.Statement.InvalidType",
        "Neo.ClientError.Statement.TypeError",
    }
)
"""A value, on the node or in the request, that a sound statement cannot work with."""
_OF_THE_SERVER: Final = (".Cluster.", ".Database.", ".General.")
"""Transient errors of a server that has no memory left or may not write now, whoever asks."""


@contextlib.contextmanager
def translated(place: str = "the server") -> Iterator[None]:
    """Raise the driver's errors as ours. `place`: where the server is, and which setting says so."""
    try:
        yield
    except (bolt_errors.Neo4jError, bolt_errors.DriverError, OSError) as error:
        raise _ours(error, place) from error
    except (OverflowError, UnicodeEncodeError) as error:  # an integer or a text that Bolt cannot carry
        raise StoreRejectedError("graph", repr(error)[:500]) from error


def raced(error: BaseException) -> bool:
    """Whether two transactions created one key at once: tried again, the second one finds it."""
    if isinstance(error, bolt_errors.ConstraintError):
        return True
    return isinstance(error, bolt_errors.Neo4jError) and _RACED in str(error).lower()


def _ours(error: Exception, place: str) -> StoreError:
    reason = f"{type(error).__name__}: {str(error)[:500]}"
    code = str(getattr(error, "code", None))
    if isinstance(error, bolt_errors.AuthError) or ".Security." in code:
        # Our configuration, which says nothing of a document: wait until it is mended.
        wrong = "MEMGRAPH_USER or MEMGRAPH_PASSWORD is missing or wrong, or not allowed to do this"
        return StoreUnavailableError("graph", f"{place}: {wrong}: {reason}")
    if code in _OF_THE_DOCUMENT:
        return StoreRejectedError("graph", reason)
    busy = isinstance(error, bolt_errors.DatabaseUnavailable) or any(part in code for part in _OF_THE_SERVER)
    transient = isinstance(error, bolt_errors.TransientError) and not busy
    if transient or raced(error) or code == _GONE:
        return StoreConflictError("graph", reason)
    answered = isinstance(error, bolt_errors.Neo4jError)
    return StoreUnavailableError("graph", f"{place}: {reason if answered else in_words(error)}")
