"""Out: the paths of what has a name of its own: any text, of several lines or with slashes in it."""

from typing import Final

from starlette.convertors import Convertor, register_url_convertor


class TextConvertor(Convertor[str]):
    """A segment, or several, as one text; Starlette's own `path` ends at a line's end."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", TextConvertor())

DOCUMENT: Final = "/document/{document_id:text}"
PROJECT: Final = "/projects/{name:text}"
DEAD_LETTER: Final = "/dead-letters/{key:text}"
