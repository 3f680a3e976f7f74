"""Cells of binary workbooks (.xls, .xlsb) that hold an error (#N/A, #DIV/0!): the reading library gives them
as empty.

A sheet of either kind is a row of records, each with its type, its length and its content ([MS-XLS] and
[MS-XLSB]); an error stands in a cell of its own or is the result of a formula. What belongs here: where such
cells stand, and what they show. What does not: opening workbooks safely (`workbooks`), and error cells of
.xlsx (`workbooks`) and .ods (`error_cells`).
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import olefile

from connectors.feeds.error_cells import Errors, refuse_beyond_reason


class BrokenCompound(Exception):
    """The file system inside an .xls file does not hold together."""


BROKEN_RECORDS: Final = (BrokenCompound, struct.error, IndexError)
"""What the reading of a damaged compound file, or of records cut short, ends with."""

TEXTS: Final = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}
_UNKNOWN: Final = "#VALUE!"
_CHUNK: Final = 1 << 20

# Records of .xls: type and length, two bytes each.
_BOF, _EOF, _SHEET, _FORMULA, _BOOLERR = 0x0809, 0x000A, 0x0085, 0x0006, 0x0205
_LIKELY: Final = re.compile(rb"\x05\x02\x08\x00.{7}\x01|\x06\x00.{8}\x02.{5}\xff\xff", re.DOTALL)

# Records of .xlsb: type in one or two bytes, length in one to four, of which each has seven bits.
_ROW, _ERROR, _FORMULA_ERROR, _BUNDLED_SHEET = 0, 3, 11, 156
_HEAD: Final = re.compile(
    rb"([\x00-\x7f]|[\x80-\xff].)([\x80-\xff]{0,3}[\x00-\x7f]|[\x80-\xff]{4})", re.DOTALL
)
_LONGEST: Final = 1 << 24


def of_excel_97(path: Path, names: Sequence[str]) -> Errors:
    """Error cells of an .xls file whose sheets are `names`, in its order; BROKEN_RECORDS if damaged."""
    file = path.read_bytes()
    if not file.startswith(olefile.MAGIC):
        return {}
    try:
        with olefile.OleFileIO(io.BytesIO(file)) as compound:
            stream = next((name for name in ("Workbook", "Book") if compound.exists(name)), None)
            data = compound.openstream(stream).read() if stream else b""
    except OSError as error:
        raise BrokenCompound(str(error)) from error
    # Most files have none: their records need not be walked through.
    if not _LIKELY.search(data):
        return {}
    starts = [
        struct.unpack_from("<I", data, position)[0]
        for kind, position, _ in _records_97(data, 0)
        if kind == _SHEET
    ]
    return {name: _of_sheet_97(data, start) for name, start in zip(names, starts, strict=False)}


def _of_sheet_97(data: bytes, start: int) -> dict[tuple[int, int], str]:
    found = {}
    for kind, position, length in _records_97(data, start):
        if kind == _BOOLERR and length >= 8 and data[position + 7] == 1:
            code = data[position + 6]
        elif (
            kind == _FORMULA
            and length >= 14
            and data[position + 6] == 2
            and data[position + 12 : position + 14] == b"\xff\xff"
        ):
            code = data[position + 8]
        else:
            continue
        row, column = struct.unpack_from("<HH", data, position)
        found[row, column] = TEXTS.get(code, _UNKNOWN)
        refuse_beyond_reason(len(found))
    return found


def _records_97(data: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Type, position and length of the records of a substream; those of charts within are left out."""
    position, depth = start, 0
    while position + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, position)
        position += 4
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, position, length
        position += length


def of_binary_workbook(archive: zipfile.ZipFile, parts: Mapping[str, str]) -> Errors:
    """Error cells of an .xlsb file, whose `parts` are sheets by name; one of BROKEN_RECORDS if damaged."""
    errors: Errors = {}
    for part, sheet in parts.items():
        with archive.open(part) as content:
            errors[sheet] = _of_sheet(content)
    return errors


def sheets_of_binary_workbook(records: bytes, targets: Mapping[str, str]) -> dict[str, str]:
    """Part -> sheet, out of xl/workbook.bin and the targets of its relations."""
    sheets = {}
    for kind, content in _records([records]):
        if kind != _BUNDLED_SHEET:
            continue
        relation, rest = _wide_text(content, 8)
        name, _ = _wide_text(content, rest)
        target = targets.get(relation, "")
        sheets[target.lstrip("/") if target.startswith("/") else f"xl/{target}"] = name
    return sheets


def _wide_text(content: bytes, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", content, position)
    end = position + 4 + 2 * length
    return content[position + 4 : end].decode("utf-16-le", errors="replace"), end


def _of_sheet(content: IO[bytes]) -> dict[tuple[int, int], str]:
    found: dict[tuple[int, int], str] = {}
    row = 0
    for kind, record in _records(iter(lambda: content.read(_CHUNK), b"")):
        if kind == _ROW:
            (row,) = struct.unpack_from("<I", record)
        elif kind in (_ERROR, _FORMULA_ERROR):
            (column,) = struct.unpack_from("<I", record)
            found[row, column] = TEXTS.get(record[8], _UNKNOWN)
            refuse_beyond_reason(len(found))
    return found


def _records(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Type and content of each record; a last one that is cut short is left out."""
    data, position = b"", 0
    for chunk in chunks:
        data, position = data[position:] + chunk, 0
        while head := _HEAD.match(data, position):
            kind, length = _number(head[1]), _number(head[2])
            if length > _LONGEST:
                raise zipfile.BadZipFile("a record of a sheet is longer than any real one")
            if head.end() + length > len(data):
                break
            position = head.end() + length
            yield kind, data[head.end() : position]


def _number(written: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(written))
