"""Out: examples of questions and answers for the API's description, built from real instances."""

from typing import Any, Final
from uuid import UUID

from fastapi import Body

from archon.contracts.code.answers import Freshness, How, Relation, Relations, Site, Symbol
from archon.contracts.code.patches import ChangedFile, Patch, Side

_CART: Final = str(UUID(int=1))
_ORDERS: Final = str(UUID(int=2))
_TOTAL: Final = Symbol(
    symbol_id=str(UUID(int=11)),
    document_id=_CART,
    file_path="src/cart.py",
    language="python",
    kind="function",
    name="total",
    qualified_name="total",
    start_line=4,
    end_line=5,
)
_PLACE: Final = Symbol(
    symbol_id=str(UUID(int=12)),
    document_id=_ORDERS,
    file_path="src/orders.py",
    language="python",
    kind="method",
    name="place",
    qualified_name="Orders.place",
    start_line=20,
    end_line=31,
)
_SITE: Final = Site(
    document_id=_ORDERS, file_path="src/orders.py", line=24, kind="call", how=How.IMPORT, confidence=0.95
)
RELATIONS: Final[dict[str, Any]] = Relations(
    project_name="shop",
    freshness=Freshness(documents=2, waiting=0, unanalysed=0),
    subjects=[_TOTAL],
    relations=[
        Relation(
            symbol=_PLACE,
            document_id=_ORDERS,
            file_path="src/orders.py",
            depth=1,
            of=_TOTAL.symbol_id,
            sites=[_SITE],
            confidence=0.95,
        )
    ],
).model_dump(mode="json")
"""An answer of /callers."""

_PATCH: Final = Patch(
    project="shop",
    files=[
        ChangedFile(
            present=Side(file_path="src/cart.py", content_hash="0" * 64, lines=[(5, 5)]),
            former=Side(file_path="src/cart.py", content_hash="1" * 64, lines=[(5, 6)]),
        )
    ],
)
PATCH: Final[Any] = Body(openapi_examples={"patch": {"value": _PATCH.model_dump(mode="json")}})
"""A body of POST /impact."""
