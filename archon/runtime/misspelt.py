"""In: the environment. Out: variables that look like misspelt settings, with suggestions.

A misspelt variable is ignored and its setting keeps the default, without any other message.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Final

from archon.runtime.logs import get_logger
from archon.runtime.secret_files import is_secret
from archon.runtime.settings import Settings

_CLOSE: Final = 0.85
_VERY_CLOSE: Final = 0.93
_SHORTEST: Final = 8
"""Minimum length of a compared name: short names resemble those of many programs."""
_OURS: Final = (
    "ASYNC_ENRICHMENT_",
    "CIRCUIT_BREAKER_",
    "ENRICHMENT_",
    "INGRESS_",
    "INTELLIGENCE_",
    "RECONCILE_",
)
"""Prefixes that only we use; KAFKA_, TEMPORAL_, QDRANT_ and MEMGRAPH_ are also prefixes of other programs."""
_OF_OTHERS: Final = re.compile(
    r"(AWS|OTEL|ARCHON|ENRICH|PYTHON|NPM|RUST|JAVA|CI)_.*"
    r"|KAFKA_(HOME|OPTS|HEAP_OPTS|CFG_.*|JMX_.*|LOG4J_.*|ADVERTISED_.*|LISTENER.*|NODE_ID|BROKER_ID)"
    r"|TEMPORAL_(CLI_.*|CODEC_.*|GRPC_.*|ENV|PROFILE|CONFIG_FILE|TLS_CA|TLS_CERT|TLS_KEY|.*_DATA|.*_VERIFICATION)"
    r"|TEMPORAL_TLS_(CA|CERT|KEY)_.*"
    r"|QDRANT__.*"
    r"|.*_SERVICE_(HOST|PORT(_\w+)?)"  # Kubernetes' service variables
    r"|.*_PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?"
)
_log = get_logger(__name__)


@dataclass(frozen=True)
class Misspelt:
    """`meant`: the most similar setting; None if none is similar."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        meant = f"; is {self.meant} meant?" if self.meant else "; see `docs/settings.md`"
        return f"{self.name} is not a setting and has no effect{meant}"


def misspelt(environment: Iterable[str]) -> list[Misspelt]:
    """The names that look like misspelt settings, in order."""
    known = _known()
    found = []
    for name in environment:
        upper = name.upper()
        if upper in known or _OF_OTHERS.fullmatch(upper):
            continue
        meant = _meant(upper, known)
        if meant is not None or upper.startswith(_OURS):
            found.append(Misspelt(name, meant))
    return found


def warn(environment: Iterable[str]) -> None:
    """Logs them."""
    for each in misspelt(environment):
        _log.warning("setting_unknown", setting=each.name, meant=each.meant)


def _known() -> list[str]:
    fields = Settings.model_fields.items()
    files = [f"{name.upper()}_FILE" for name, field in fields if is_secret(field)]
    return [*(name.upper() for name, _ in fields), *files]


def _meant(name: str, known: list[str]) -> str | None:
    """A typing error in the first word must leave the rest intact: the name may belong to another program
    otherwise."""
    if len(name) < _SHORTEST:
        return None
    near = get_close_matches(name, known, n=1, cutoff=_CLOSE)
    if not near:
        return None
    same_word = near[0].partition("_")[0] == name.partition("_")[0]
    alike = same_word or SequenceMatcher(None, name, near[0]).ratio() >= _VERY_CLOSE
    return near[0] if alike else None
