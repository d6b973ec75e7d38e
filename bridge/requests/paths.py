"""Out: paths for free-form names: any text, with line ends or slashes."""

from typing import Final

from starlette.convertors import Convertor, register_url_convertor


class TextConvertor(Convertor[str]):
    """One or several segments as one text; Starlette's own `path` stops at a line end."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", TextConvertor())

DOCUMENT: Final = "/document/{document_id:text}"
PROJECT: Final = "/projects/{name:text}"
DEAD_LETTER: Final = "/dead-letters/{key:text}"
