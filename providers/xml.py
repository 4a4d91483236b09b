"""XML from outside, without the parts of XML that attack their reader."""

from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser


class _Builder(TreeBuilder):
    """Stops at a document type: without one there are no entities to expand or to fetch."""

    def doctype(self, *declaration: object) -> NoReturn:
        """Refuse."""
        raise ParseError(f"a document type is not accepted: {declaration[0]}")


def parse(document: bytes) -> Element | None:
    """The root element; None for what is not well formed or brings a document type."""
    parser = XMLParser(target=_Builder())  # noqa: S314 - the builder refuses what S314 fears
    try:
        parser.feed(document)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError):  # the last two: encodings that do not exist
        return None
    return root


def text(element: Element, path: str) -> str:
    """The text below `path`, without the spaces around it; empty if there is none."""
    found = element.find(path)
    return "" if found is None else (found.text or "").strip()


def local_name(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]
