"""What a file is that is no report, told by its first bytes: for a message that says what to ask for.

What belongs here: formats that partners send by mistake, or that their portals give under the name of a
workbook. What does not: formats that are read (`connectors.feeds.sniff`).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

HEAD: Final = 4096
"""Bytes that tell what a file is."""

_BEFORE_HTML: Final = r"^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?"
_MARKUP: Final = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (r"urn:schemas-microsoft-com:office:spreadsheet", "a spreadsheet of Excel 2003 in XML"),
        (_BEFORE_HTML + r"<(!doctype html|html|head|meta|style|body|table)\b", "a web page (HTML)"),
        (r"^\s*<(\?xml\b|[a-z][\w:.-]*[\s/>])", "an XML document"),
        (r"""^\s*(\[\s*)?\{\s*"[^"]*"\s*:""", "JSON"),
    )
)
_SIGNATURES: Final = (
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "a text of a word processor (RTF)"),
)
_OF_EXCEL: Final = frozenset(("a spreadsheet of Excel 2003 in XML", "a web page (HTML)"))


@dataclass(frozen=True)
class Likeness:
    """What a file is, in words with an article, and what to do with it."""

    words: str
    remedy: str


def likeness(head: bytes) -> Likeness | None:
    """What the file that begins so is, if it is none that can be read as a table."""
    found = next((words for signature, words in _SIGNATURES if head.startswith(signature)), None)
    if found is None:
        text = _text(head[:HEAD]).lower()
        found = next((words for pattern, words in _MARKUP if pattern.search(text)), None)
    if found is None:
        return None
    if found in _OF_EXCEL:
        return Likeness(
            found, "open it in Excel and save it as .xlsx, or ask the partner for a workbook or text"
        )
    return Likeness(found, "ask the partner for a delimited text file, a workbook or an EDI message")


def _text(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", errors="ignore")
    return head.removeprefix(codecs.BOM_UTF8).decode("latin-1")
