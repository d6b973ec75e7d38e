"""In: a path. Out: whether it belongs to tests."""

import re
from typing import Final

_PATH: Final = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|__mocks__|testing|testdata|e2e|cypress)/"
    r"|(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*_(?:test|spec)\.\w+|[^/]*\.(?:test|spec|cy|e2e)\.\w+)$"
    r"|(?:^|/)src/(?:\w*[tT]est|it)/"
)
_CLASS: Final = re.compile(
    r"(?:^|/)(?:Test\w+|\w+(?:Tests?|IT|TestCase|Spec))\.(?:java|kt|scala|cs|groovy|swift|php)$"
)


def is_test(path: str) -> bool:
    """By the names that pytest, Go, JUnit, Jest and RSpec look for."""
    return bool(_PATH.search(path) or _CLASS.search(path))
