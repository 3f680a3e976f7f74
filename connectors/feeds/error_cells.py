"""Cells of open-document sheets that hold an error (#N/A, #DIV/0!): the reading library gives them as empty,
or as the number 0.

What belongs here: where such cells stand, and what they show. What does not: opening workbooks safely, and
error cells of .xlsx, which the look through its parts finds (`workbooks`), and of .xls and .xlsb, which stand
in records (`error_records`).
"""

from __future__ import annotations

import zipfile
from typing import IO, Final
from xml.etree import ElementTree

CONTENT: Final = "content.xml"
_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_MARK: Final = b'value-type="error"'
_CHUNK: Final = 1 << 20
_MOST: Final = 1_000_000

Errors = dict[str, dict[tuple[int, int], str]]
"""By sheet the text of each error cell at (row, column) from 0."""


def of_open_document(archive: zipfile.ZipFile) -> Errors:
    """Error cells of an .ods file whose parts have been looked through; BadZipFile if they have no end."""
    with archive.open(CONTENT) as content:
        if not _has_errors(content):
            return {}
    with archive.open(CONTENT) as content:
        return _find(content)


def refuse_beyond_reason(count: int) -> None:
    """BadZipFile, "this is no workbook", if there are more error cells than in any report."""
    if count > _MOST:
        raise zipfile.BadZipFile("it holds more cells with errors than any report")


def _has_errors(content: IO[bytes]) -> bool:
    tail = b""
    while chunk := content.read(_CHUNK):
        if _MARK in tail + chunk:
            return True
        tail = chunk[-len(_MARK) :]
    return False


def _find(content: IO[bytes]) -> Errors:
    errors: Errors = {}
    sheet: dict[tuple[int, int], str] = {}
    above: list[ElementTree.Element] = []
    row = found = 0
    # Parts with a document type, and so with entities, have been refused before.
    for event, element in ElementTree.iterparse(content, events=("start", "end")):  # noqa: S314
        if event == "start":
            above.append(element)
            if element.tag == f"{_TABLE}table":
                sheet, row = errors.setdefault(element.get(f"{_TABLE}name", ""), {}), 0
            continue
        above.pop()
        if element.tag != f"{_TABLE}table-row":
            continue
        rows = int(element.get(f"{_TABLE}number-rows-repeated", "1"))
        column = 0
        for cell in element:
            columns = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
            if any(name.endswith("}value-type") and kind == "error" for name, kind in cell.items()):
                found += rows * columns
                refuse_beyond_reason(found)
                text = cell.findtext(f"{_TEXT}p") or "#VALUE!"
                shown = text if text.startswith("#") else "#VALUE!"
                sheet.update({(row + i, column + j): shown for i in range(rows) for j in range(columns)})
            column += columns
        row += rows
        # What has been seen is let go, so that a long sheet stays out of memory.
        above[-1].remove(element)
    return errors
