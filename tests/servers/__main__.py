"""In: the committed records. Out: docs/servers/README.md (`make servers`)."""

from tests.servers.page import PAGE, page
from tests.servers.records import committed

PAGE.write_text(page(committed()))
