"""How long a client's Prefer headers (RFC 7240) let an answer wait."""

import pytest

from bridge.requests.preferences import longest_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], 60),
        (["respond-async"], 0),
        (["Respond-Async;reason=queue"], 0),
        (["wait=10"], 10),
        (["WAIT = 10"], 10),
        (['wait="5"'], 5),
        (["return=minimal, wait=7"], 7),
        (["return=minimal", "wait=7"], 7),
        (["respond-async, wait=10"], 10),
        (["wait=3, wait=20"], 3),
        (["wait=600"], 60),
        (["wait=0"], 0),
        (["wait=-1"], 60),
        (["wait=1e3"], 60),
        (["wait=٣"], 60),
        (["wait=" + "9" * 5000], 60),
        (["wait"], 60),
        (["x-respond-async"], 60),
        (["", ",,;="], 60),
    ],
)
def test_the_shorter_of_requested_and_allowed_wait_applies(headers: list[str], seconds: float) -> None:
    assert longest_wait(headers, 60) == seconds
