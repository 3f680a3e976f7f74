"""Opening workbooks of strangers: what is none, or would exhaust the machine, is refused before it is read.

An .xlsx or .ods file is a zip of XML, and the reading library lays a sheet out as a full rectangle: one
cell in the far corner asks for 512 GB and ends the process. So the parts of an .xlsx are streamed through
once: they must inflate within bounds, hold no document type (entities that multiply), and their cells
must lie in a rectangle of bounded size. The same look finds cells that hold an error (#N/A), which the
library gives as empty, and codes whose leading zeros stand in their format alone. Other kinds are opened
by a process of their own first, whose memory is limited, and then looked through for such cells. What
belongs here: opening safely. What sheets hold is `connectors.feeds.excel`.
"""

from __future__ import annotations

import html
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final
from xml.etree.ElementTree import Element, ParseError, iterparse

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
    ZipError,
)

from connectors.errors import Place, RejectedFile
from connectors.feeds import error_cells, error_records
from connectors.feeds.likeness import HEAD, likeness
from connectors.feeds.unpack import BROKEN_ARCHIVE, open_zip

LARGEST_INFLATED: Final = 4 << 30
LARGEST_AREA: Final = 40_000_000
"""Cells in the rectangle of a sheet: a full sheet of 1,048,576 rows and 38 columns."""

_PROBE_MEMORY: Final = 4 << 30
_PROBE_SECONDS: Final = 300
_CHUNK: Final = 1 << 22
_LARGEST_STYLES: Final = 1 << 26
_LOCAL_HEADER: Final = struct.Struct("<4s5H3I2H")
_PROBED: Final = frozenset((".xls", ".xlsb", ".ods"))
_XLSX: Final = "xl/workbook.xml"
_XLSB: Final = "xl/workbook.bin"
_TAG: Final = rb"<(?:\w+:)?c\s[^>]*?\br=[\"']"
_COLUMNS: Final = re.compile(_TAG + rb"([A-Z]+)[^>]*[^/>]>")
_ROWS: Final = re.compile(_TAG + rb"[A-Z]+(\d+)[^>]*[^/>]>")
_ERRORS: Final = re.compile(
    rb"<(?:\w+:)?c\s(?=[^>]*\bt=[\"']e[\"'])[^>]*?\br=[\"']([A-Z]+)(\d+)[^>]*[^/>]>"
    rb"(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)",
    re.DOTALL,
)
_FORMULA: Final = (
    rb"<(?:\w+:)?c\s(?![^>]*\bt=)[^>]*?\br=[\"']([A-Z]+)(\d+)[^>]*[^/>]>\s*<(?:\w+:)?f(?:\s[^>]*)?"
    rb"(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
)
# A formula without a value, and without the type of a text, which may well be empty.
_UNCOMPUTED: Final = re.compile(
    _FORMULA + rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_ZERO: Final = re.compile(_FORMULA + rb"<(?:\w+:)?v>0</(?:\w+:)?v>\s*</(?:\w+:)?c>")
_COMPUTED: Final = re.compile(rb"(?:<(?:\w+:)?f\s[^>]*/>|</(?:\w+:)?f>)\s*<(?:\w+:)?v>(?!0<|\s*<)")
UNCOMPUTED: Final = "#UNCOMPUTED!"
_UNPLACED: Final = re.compile(rb"<(?:\w+:)?c(?:\s(?![^>]*\br=)[^>]*)?/?>")
_STYLES: Final = "xl/styles.xml"
_ZEROS: Final = re.compile("0{2,}")
_FORMATS: Final = re.compile(r"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", re.DOTALL)
_ZIP: Final = b"PK\x03\x04"
_ATTRIBUTE: Final = re.compile(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
# What a probe runs: it may use so much memory and no more, and says nothing but whether it came through.
_PROBE: Final = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from python_calamine import CalamineError, CalamineWorkbook, ZipError
try:
    try:
        book = CalamineWorkbook.from_path(sys.argv[1])
    except (CalamineError, ZipError):
        with open(sys.argv[1], "rb") as handle:
            book = CalamineWorkbook.from_filelike(handle)
    sheets = [book.get_sheet_by_name(name) for name in book.sheet_names]
    area = max((sheet.height * sheet.width for sheet in sheets), default=0)
except (CalamineError, ZipError):
    area = 0
sys.exit(area > int(sys.argv[3]))
"""


@dataclass(frozen=True)
class Opened:
    """A workbook that can be read, and the error cells of its sheets as (row, column) from 0 -> text.

    A formula that was never computed is one of them. `padded` are whole numbers of an .xlsx in a format of
    zeros, such as codes, as Excel shows them.
    """

    workbook: CalamineWorkbook
    errors: dict[str, dict[tuple[int, int], str]] = field(default_factory=dict)
    padded: dict[str, dict[tuple[int, int], str]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Names of the sheets that hold cells: a chart may fill one."""
        return [item.name for item in self._sheets]

    @property
    def visible(self) -> list[str]:
        """Names of the sheets that a person sees."""
        return [item.name for item in self._sheets if item.visible == SheetVisibleEnum.Visible]

    @property
    def _sheets(self) -> list[SheetMetadata]:
        return [item for item in self.workbook.sheets_metadata if item.typ == SheetTypeEnum.WorkSheet]

    def sheet(self, name: str, file: str) -> CalamineSheet:
        with refusals(file):
            return self.workbook.get_sheet_by_name(name)

    def pad(self, name: str, rows: list[list[Any]]) -> None:
        """Put the padded numbers of a sheet into its rows."""
        for (row, column), text in self.padded.get(name, {}).items():
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = text


@dataclass
class _Found:
    """What the look through a sheet of an .xlsx finds: cells with errors, formulas whose value is 0, whether
    any formula has another value, and numbers in the formats of zeros, of the style number -> zeros.
    `is_unplaced` is a sheet whose cells do not all say where they stand.
    """

    zero_formats: dict[int, int]
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    zeros: set[tuple[int, int]] = field(default_factory=set)
    has_results: bool = False
    padded: dict[tuple[int, int], str] = field(default_factory=dict)
    is_unplaced: bool = False

    @cached_property
    def zero_cells(self) -> re.Pattern[bytes] | None:
        """Whole numbers in a format of zeros: style, column, row and value; None where there is no format."""
        if not self.zero_formats:
            return None
        styles = "|".join(map(str, self.zero_formats)).encode()
        return re.compile(
            rb"<(?:\w+:)?c\s(?![^>]*\bt=[\"'](?!n[\"']))(?=[^>]*\bs=[\"'](" + styles + rb")[\"'])[^>]*?"
            rb"\br=[\"']([A-Z]+)(\d+)[^>]*[^/>]>\s*(?:<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*)?"
            rb"<(?:\w+:)?v>(\d{1,15})</"
        )


def open_workbook(path: Path, file: str) -> Opened:
    """Open a workbook; RejectedFile if it is none, is protected, or is larger than any report."""
    _refuse_what_is_none(path, file)
    found = {}
    if zipfile.is_zipfile(path):
        found = _examine(path, file)
    if path.suffix.lower() in _PROBED or not found:
        _probe(path, file)
    with refusals(file):
        workbook = _by_name_or_content(path)
    if not found:
        return Opened(workbook, _other_errors(path, file, workbook.sheet_names))
    return Opened(
        workbook,
        {name: each.errors for name, each in found.items()},
        {name: each.padded for name, each in found.items() if each.padded},
    )


def _by_name_or_content(path: Path) -> CalamineWorkbook:
    """Portals call an .xlsx .xls, and people the other way round; the library believes the name."""
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise
    except (CalamineError, ZipError) as error:
        try:
            with path.open("rb") as handle:
                return CalamineWorkbook.from_filelike(handle)
        except (CalamineError, ZipError):
            raise error from None


def _refuse_what_is_none(path: Path, file: str) -> None:
    """Portals give web pages the name of a workbook; the library would speak of signatures."""
    with path.open("rb") as handle:
        head = handle.read(HEAD)
    if found := likeness(head):
        raise RejectedFile(
            "unreadable_workbook",
            f"the file is {found.words} under the name of a workbook",
            found.remedy,
            Place(file=file),
        )
    if head and not re.search(rb"[\x00-\x08\x0e-\x1a]", head):
        raise RejectedFile(
            "unreadable_workbook",
            "the file is plain text under the name of a workbook",
            "say 'kind: delimited' in the profile, with its delimiter, or ask the partner for a workbook",
            Place(file=file),
        )
    if head.startswith(_ZIP) and not zipfile.is_zipfile(path):
        raise RejectedFile(
            "unreadable_workbook",
            "the workbook was cut off on its way: its end is missing",
            "ask the partner to send it again",
            Place(file=file),
        )


def _other_errors(path: Path, file: str, names: list[str]) -> error_cells.Errors:
    """Error cells by sheet, for the kinds that are no .xlsx."""
    with _words(file):
        if not zipfile.is_zipfile(path):
            return error_records.of_excel_97(path, names)
        with open_zip(path) as archive:
            parts = archive.namelist()
            if error_cells.CONTENT in parts:
                return error_cells.of_open_document(archive)
            if _XLSB in parts:
                return error_records.of_binary_workbook(archive, _binary_sheets(archive))
    return {}


def _binary_sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Part of the archive -> name of the sheet, for .xlsb."""
    targets = {
        node.get("Id", ""): node.get("Target", "")
        for node in _nodes(_small(archive, "xl/_rels/workbook.bin.rels"), "Relationship")
    }
    return error_records.sheets_of_binary_workbook(_small(archive, _XLSB), targets)


def _small(archive: zipfile.ZipFile, part: str) -> bytes:
    """A part that lists sheets; BadZipFile if it is larger than any real one."""
    if archive.getinfo(part).file_size > _CHUNK:
        raise zipfile.BadZipFile("the list of sheets is larger than any real one")
    return archive.read(part)


@contextmanager
def refusals(file: str) -> Iterator[None]:
    """The library's errors in words."""
    try:
        yield
    except PasswordError as error:
        raise RejectedFile(
            "protected_workbook",
            "the workbook is protected by a password",
            "ask the partner to send it unprotected",
            Place(file=file),
        ) from error
    except (CalamineError, ZipError, WorksheetNotFound) as error:
        raise RejectedFile(
            "unreadable_workbook",
            f"the file cannot be read as an Excel workbook ({error})",
            "ask the partner to send it again as .xlsx, or correct 'kind' in the profile",
            Place(file=file),
        ) from error


def _examine(path: Path, file: str) -> dict[str, _Found]:
    """Stream through the XML of a zipped workbook; what is found by sheet, for .xlsx."""
    with _words(file), open_zip(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > LARGEST_INFLATED:
            raise _oversized(file, "it inflates to more than 4 GiB")
        names = _sheet_names(archive) if _XLSX in archive.namelist() else {}
        formats = _zero_formats(archive) if names else {}
        found = {name: _Found(formats) for name in names.values()}
        budget = LARGEST_INFLATED
        for item in archive.infolist():
            if not item.filename.endswith((".xml", ".rels")):
                continue
            sheet = names.get(item.filename)
            cells = found.get(sheet or "", _Found({}))
            budget -= _look_through(path, item, sheet, cells, budget, file)
            if cells.is_unplaced:
                with archive.open(item) as part:
                    _look_at_unplaced(part, cells, sheet or "", file)
        if names and _awaits_computing(archive) and not any(each.has_results for each in found.values()):
            for each in found.values():
                each.errors.update(dict.fromkeys(each.zeros, UNCOMPUTED))
        return found


def _zero_formats(archive: zipfile.ZipFile) -> dict[int, int]:
    """Number of a style -> zeros of its format, for the formats that are nothing but zeros (`00000`)."""
    if _STYLES not in archive.namelist():
        return {}
    with archive.open(_STYLES) as part:
        styles = part.read(_LARGEST_STYLES)
    zeros = {
        node.get("numFmtId"): len(node["formatCode"])
        for node in _nodes(styles, "numFmt")
        if _ZEROS.fullmatch(node.get("formatCode", ""))
    }
    section = _FORMATS.search(styles.decode("utf-8", errors="replace")) if zeros else None
    formats = _nodes(section[0].encode(), "xf") if section else iter(())
    return {
        number: zeros[node["numFmtId"]]
        for number, node in enumerate(formats)
        if node.get("numFmtId") in zeros
    }


def _awaits_computing(archive: zipfile.ZipFile) -> bool:
    """Whether the workbook asks to be computed when it is opened, as one that a program wrote does."""
    return any(
        node.get("fullCalcOnLoad") in ("1", "true") for node in _nodes(_small(archive, _XLSX), "calcPr")
    )


@contextmanager
def _words(file: str) -> Iterator[None]:
    """Damaged archives and XML in words."""
    try:
        yield
    except (*BROKEN_ARCHIVE, *error_records.BROKEN_RECORDS, KeyError, ParseError) as error:
        raise RejectedFile(
            "unreadable_workbook",
            f"the file cannot be read as an Excel workbook ({error})",
            "ask the partner to send it again as .xlsx, or correct 'kind' in the profile",
            Place(file=file),
        ) from error


def _sheet_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """Part of the archive -> name of the sheet."""
    relations = {
        node.get("Id"): node.get("Target", "")
        for node in _nodes(_small(archive, "xl/_rels/workbook.xml.rels"), "Relationship")
    }
    names = {}
    for node in _nodes(_small(archive, _XLSX), "sheet"):
        target = relations.get(next((node[key] for key in node if key.endswith(":id")), ""), "")
        names[target.lstrip("/") if target.startswith("/") else f"xl/{target}"] = node.get("name", "")
    return names


def _nodes(xml: bytes, name: str) -> Iterator[dict[str, str]]:
    """Attributes of all elements of that name."""
    text = xml.decode("utf-8", errors="replace")
    for element in re.findall(rf"<(?:\w+:)?{name}\s([^>]*)>", text):
        yield {key: html.unescape(one or other) for key, one, other in _ATTRIBUTE.findall(element)}


def _look_through(
    path: Path,
    item: zipfile.ZipInfo,
    sheet: str | None,
    found: _Found,
    budget: int,
    file: str,
) -> int:
    """Inflate one part, bounded, whatever its header claims; its real size."""
    size = rows = columns = 0
    kept = b""
    for chunk in _inflated(path, item):
        size += len(chunk)
        if size > budget:
            raise _oversized(file, "it inflates to more than 4 GiB")
        data = kept + chunk
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise RejectedFile(
                "unreadable_workbook",
                f"the part {item.filename!r} declares a document type, which no workbook does",
                "ask the partner to send it again, saved by Excel",
                Place(file=file),
            )
        if sheet is None:
            kept = data[-10:]
            continue
        # A program that leaves places out does so from the first cells on.
        found.is_unplaced = found.is_unplaced or (size == len(chunk) and bool(_UNPLACED.search(data)))
        # Cells are looked at whole: the last one begun waits for its end.
        cut = max(data.rfind(b"<c "), data.rfind(b":c "), 0)
        data, kept = (data[:cut], data[cut:]) if len(data) - cut < _CHUNK else (data, b"")
        rows, columns = _extent(data, rows, columns, sheet, file)
        _look_at_zeros(data, found)
        if b't="e"' in data or b"t='e'" in data or b"<f" in data or b":f>" in data:
            _look_at_cells(data, found)
    if sheet is not None:
        _extent(kept, rows, columns, sheet, file)
        _look_at_zeros(kept, found)
        _look_at_cells(kept, found)
    return size


def _inflated(path: Path, item: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a zipped part in bounded chunks, until they end: the claimed size is not believed."""
    with path.open("rb") as handle:
        handle.seek(item.header_offset)
        header = _LOCAL_HEADER.unpack(handle.read(_LOCAL_HEADER.size))
        handle.seek(header[9] + header[10], 1)
        left = item.compress_size
        engine = zlib.decompressobj(-15)
        while left > 0 and (packed := handle.read(min(left, 1 << 16))):
            left -= len(packed)
            if item.compress_type == zipfile.ZIP_STORED:
                yield packed
                continue
            if item.compress_type != zipfile.ZIP_DEFLATED:
                raise zipfile.BadZipFile("a part is packed in a way that Excel does not use")
            while packed:
                yield engine.decompress(packed, _CHUNK)
                packed = engine.unconsumed_tail


def _extent(data: bytes, rows: int, columns: int, sheet: str, file: str) -> tuple[int, int]:
    """The rectangle that holds all cells so far."""
    columns = max([columns, *map(_column_number, set(_COLUMNS.findall(data)))])
    rows = max([rows, *map(int, set(_ROWS.findall(data)))])
    if rows * columns > LARGEST_AREA:
        raise _too_wide(file, sheet, rows, columns)
    return rows, columns


def _too_wide(file: str, sheet: str, rows: int, columns: int) -> RejectedFile:
    return _oversized(
        file, f"the cells of the sheet {sheet!r} lie in a rectangle of {rows:,} rows and {columns:,} columns"
    )


def _look_at_cells(data: bytes, found: _Found) -> None:
    for column, row, value in _ERRORS.findall(data):
        found.errors[_place(column, row)] = value.decode("utf-8", errors="replace")
    found.errors.update({_place(column, row): UNCOMPUTED for column, row in _UNCOMPUTED.findall(data)})
    found.zeros.update(_place(column, row) for column, row in _ZERO.findall(data))
    found.has_results = found.has_results or bool(_COMPUTED.search(data))


def _look_at_zeros(data: bytes, found: _Found) -> None:
    for style, column, row, digits in found.zero_cells.findall(data) if found.zero_cells else ():
        if len(digits) < (width := found.zero_formats[int(style)]):
            found.padded[_place(column, row)] = digits.decode().zfill(width)


def _look_at_unplaced(part: IO[bytes], found: _Found, sheet: str, file: str) -> None:
    """The same look where cells have to be counted, for they need not say where they stand."""
    row = column = rows = columns = 0
    # The look before this one has refused document types, and with them entities that multiply.
    for event, element in iterparse(part, events=("start", "end")):  # noqa: S314
        tag = element.tag.rpartition("}")[2]
        if tag == "row" and event == "start":
            number = element.get("r", "")
            row, column = int(number) if number.isdecimal() else row + 1, 0
        elif tag == "row":
            element.clear()
        elif tag == "c" and event == "end":
            stated = re.match("[A-Z]+", element.get("r") or "")
            column = _column_number(stated[0].encode()) if stated else column + 1
            rows, columns = max(rows, row), max(columns, column)
            if rows * columns > LARGEST_AREA:
                raise _too_wide(file, sheet, rows, columns)
            _look_at_unplaced_cell(element, (row - 1, column - 1), found)


def _look_at_unplaced_cell(cell: Element, place: tuple[int, int], found: _Found) -> None:
    children = {child.tag.rpartition("}")[2]: child for child in cell}
    value = (children["v"].text or "").strip() if "v" in children else ""
    kind, has_formula = cell.get("t"), "f" in children
    if kind == "e":
        found.errors[place] = value
    elif has_formula and kind is None and not value:
        found.errors[place] = UNCOMPUTED
    elif has_formula and kind is None and value == "0":
        found.zeros.add(place)
    found.has_results = found.has_results or (has_formula and value not in ("", "0"))
    style = cell.get("s", "")
    width = found.zero_formats.get(int(style), 0) if style.isdecimal() else 0
    if kind in (None, "n") and value.isdecimal() and len(value) < width:
        found.padded[place] = value.zfill(width)


def _place(column: bytes, row: bytes) -> tuple[int, int]:
    return int(row) - 1, _column_number(column) - 1


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters[:8]:
        number = number * 26 + letter - 64
    return number


def _probe(path: Path, file: str) -> None:
    """Let another process lay the sheets out first: if memory fails, it is not this one that ends."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program; the path is an argument, no shell sees it
            [sys.executable, "-c", _PROBE, str(path), str(_PROBE_MEMORY), str(LARGEST_AREA)],
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _oversized(file, "it takes minutes to open") from error
    if done.returncode:
        raise _oversized(file, f"it holds more than {LARGEST_AREA:,} cells")


def _oversized(file: str, problem: str) -> RejectedFile:
    return RejectedFile(
        "oversized_workbook",
        f"the workbook is larger than any report: {problem}",
        "ask the partner for a smaller file (delete what stands far below and to the right), or for text",
        Place(file=file),
    )
