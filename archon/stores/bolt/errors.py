"""In: the Bolt driver's errors. Out: our errors: a conflict, a fault of the document or, for all others, an
outage.

Memgraph has error codes for few errors: most have the same client error code, and only the message
distinguishes them. So an error counts as an outage, within the outage budget, unless it is known to be the
document's fault.
"""

import contextlib
from collections.abc import Iterator
from typing import Final

from neo4j import exceptions as bolt_errors

from archon.contracts.errors import StoreConflictError, StoreError, StoreRejectedError, StoreUnavailableError
from archon.runtime.reasons import in_words

_RACED: Final = "unique constraint violation"
"""Two transactions created the same key. Memgraph reports it at COMMIT, as a general client error."""
_GONE: Final = "Neo.ClientError.Statement.EntityNotFound"
"""The node was deleted before the statement got its lock: a retry finds the new state."""
_OF_THE_DOCUMENT: Final = frozenset(
    {
        "Neo.ClientError.Statement.ArgumentError",
        "Neo.ClientError.Statement.ArithmeticError",
        "Neo.ClientError.Statement.InvalidType",
        "Neo.ClientError.Statement.TypeError",
    }
)
"""A value on the node or in the request that a correct statement cannot process."""
_OF_THE_SERVER: Final = (".Cluster.", ".Database.", ".General.")
"""Transient errors of a server without free memory, or in read-only mode; they affect every client."""


@contextlib.contextmanager
def translated(place: str = "the server") -> Iterator[None]:
    """Raises the driver's errors as ours. `place`: the server's address and setting."""
    try:
        yield
    except (bolt_errors.Neo4jError, bolt_errors.DriverError, OSError) as error:
        raise _ours(error, place) from error
    except (OverflowError, UnicodeEncodeError) as error:  # Bolt cannot carry the integer or text
        raise StoreRejectedError("graph", repr(error)[:500]) from error


def raced(error: BaseException) -> bool:
    """Whether two transactions created the same key; a retry of the second one finds it."""
    if isinstance(error, bolt_errors.ConstraintError):
        return True
    return isinstance(error, bolt_errors.Neo4jError) and _RACED in str(error).lower()


def _ours(error: Exception, place: str) -> StoreError:
    reason = f"{type(error).__name__}: {str(error)[:500]}"
    code = str(getattr(error, "code", None))
    if isinstance(error, bolt_errors.AuthError) or ".Security." in code:
        # A configuration error, unrelated to a document: wait until it is repaired.
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
