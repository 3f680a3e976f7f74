"""What a sample file looks like: its container, encoding, dialect, header, and its cells as text.

The answer is a `Sample` and the choices that led to it. What belongs here: bytes to a grid of cells, without
any profile. What does not: what the columns mean (`connectors.feeds.propose`), and reading a report by its
profile (`delimited`, `excel`), which is the only way into landing.
"""

from __future__ import annotations

import csv
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from connectors.errors import Place, RejectedFile, SourceError
from connectors.feeds import encodings, excel
from connectors.feeds.likeness import likeness
from connectors.feeds.profile import X12, Edifact, Packing
from connectors.feeds.synonyms import COLUMNS, PERIOD_TITLES
from connectors.feeds.table import collapse, fold, join_titles, row_text
from connectors.feeds.unpack import unpack
from connectors.feeds.workbooks import open_workbook

_HEAD: Final = 1 << 22
_TAIL: Final = 1 << 16
_ROWS: Final = 5000
_HEADER_WITHIN: Final = 40
_DELIMITERS: Final = (";", "\t", "|", ",")
_LONG_DELIMITERS: Final = (
    "~|~", "|~|", "|;|", ";|;", "<|>", "||", ";;", "::", "~~", "^^", "@@", "##", "$$", "\t\t",
)  # fmt: skip
_UNIT_MARK: Final = "\x1f"
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_WORKBOOK_SUFFIXES: Final = frozenset((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"))
_WORKBOOK_PARTS: Final = frozenset(("xl/workbook.xml", "xl/workbook.bin", "content.xml"))
_GZIP: Final = b"\x1f\x8b"
_NUMBER: Final = re.compile(r"[-+(]?[\d\s.,'’\u00a0\u202f]+[)%-]?")


@dataclass(frozen=True)
class Choice:
    """One line of a draft profile: where it stands, its value, how sure it is (0 to 1), and why."""

    key: str
    value: Any
    confidence: float
    reason: str


@dataclass(frozen=True)
class Sample:
    """A sample file as read: titles, rows of text below them, and the choices that led there.

    `typed` says for each column whether the container itself gives numbers and dates (Excel), `written` what
    stands there as text all the same. `above` is the text before the header, `last_rows` the rows at the
    file's end, `sheets` those that have the same titles, where there are several.
    """

    kind: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    choices: tuple[Choice, ...]
    above: tuple[str, ...] = ()
    last_rows: tuple[tuple[str, ...], ...] = ()
    typed: tuple[bool, ...] = field(default=())
    written: tuple[frozenset[str], ...] = ()
    sheets: tuple[str, ...] = ()

    def column(self, position: int) -> list[str]:
        """The cells of a column that hold anything."""
        return [row[position].strip() for row in self.rows if position < len(row) and row[position].strip()]


def sniff(path: Path) -> Sample:
    """Look at a file; RejectedFile if it is no table, SourceError if it is not there."""
    if not path.is_file():
        raise SourceError(
            "missing_file", "the file does not exist", "give the path of a report", Place(file=path)
        )
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
        handle.seek(max(len(head), path.stat().st_size - _TAIL))
        tail = handle.read()
    if not head.strip():
        raise RejectedFile("empty_file", "the file is empty", "give a report with rows", Place(file=path))
    edi = _edi(head)
    if edi:
        return Sample("edi", (), (), edi)
    if head.startswith(_WORKBOOKS) and (path.suffix.lower() in _WORKBOOK_SUFFIXES or _is_workbook(path)):
        return _workbook(path)
    if head.startswith((*_WORKBOOKS, _GZIP)):
        return _packed(path, "gzip" if head.startswith(_GZIP) else "zip")
    if found := likeness(head):
        raise RejectedFile("no_table", f"the file is {found.words}", found.remedy, Place(file=path))
    return _delimited(path, head, tail)


def _is_workbook(path: Path) -> bool:
    """Whether a file is a workbook under another name, as portals give it."""
    if not zipfile.is_zipfile(path):
        return True
    with zipfile.ZipFile(path) as archive:
        return bool(_WORKBOOK_PARTS & set(archive.namelist()))


def _packed(path: Path, compression: Literal["zip", "gzip"]) -> Sample:
    """The sample inside an archive of one file."""
    packing = Packing(compression=compression)
    with tempfile.TemporaryDirectory(prefix="aval-propose-") as folder:
        sample = sniff(unpack(path, packing, Path(folder), path.name))
    choice = Choice("container.compression", compression, 0.99, "the file is an archive of one file")
    return replace(sample, choices=(*sample.choices, choice))


def _edi(head: bytes) -> tuple[Choice, ...]:
    """What an EDI interchange says of itself; nothing if it is none."""
    text = head.decode("latin-1").lstrip("\ufeffï»¿ \t\r\n")
    if text.startswith("UNA") or re.match(r"UNB[+\x1d]UNO", text):
        kind = Choice("container.kind", "edifact", 0.99, "it begins with the EDIFACT envelope UNA / UNB")
        messages = re.findall(r"UNH\W[\w-]+\W(SLSRPT|INVRPT)\b", text)
        prices = _line_price(text)
        span = re.search(r"DTM\W356\W(\d{8})-?(\d{8})\W718", text)
    elif re.match(r"ISA[^A-Za-z0-9 ]", text):
        kind = Choice("container.kind", "x12", 0.99, "it begins with the X12 envelope ISA")
        messages = re.findall(r"\bST\W(852|867)\W", text)
        prices = _unit_price(text)
        span = re.search(r"XQ\W\w\W(\d{8})\W(\d{8})", text)
    else:
        return ()
    choices = [kind, *prices]
    if messages:
        distinct = sorted(set(messages))
        reason = f"{len(messages)} messages seen"
        choices.append(Choice("container.messages", distinct, 0.95, reason))
        choices += _edi_quantities(kind.value, distinct, text)
    ends = re.search(r"DTM\W0?90\W(\d{8}).{0,200}?DTM\W0?91\W(\d{8})", text, re.DOTALL)
    return (*choices, *_edi_period(span or ends))


def _edi_quantities(kind: str, messages: list[str], text: str) -> tuple[Choice, ...]:
    """The quantities of a sample that holds none of those that are read unless the profile names others."""
    settings = (Edifact if kind == "edifact" else X12).model_validate({"kind": kind, "messages": messages})
    tag = "ZA" if messages == ["852"] else "QTY"
    seen = Counter(re.findall(rf"\b{tag}\W(\w+)", text))
    if not seen or seen.keys() & {name for names in settings.figures.values() for name in names}:
        return ()
    figure = "sold_quantity" if "sold_quantity" in settings.figures else "on_hand_quantity"
    listed = ", ".join(f"{tag} {name} ({count})" for name, count in seen.items())
    reason = f"{listed}: none is read unless it is named; keep what was sold or is in stock"
    return (Choice("container.quantities", {figure: sorted(seen)}, 0.3, reason),)


def _line_price(text: str) -> tuple[Choice, ...]:
    """Prices without amounts in EDIFACT: whether of a unit or of the line, each sender decides."""
    if re.search(r"\bMOA\W203\W", text) or not re.search(r"\bPRI\W\w+\W[\d.,]+", text):
        return ()
    reason = "prices (PRI), and no amounts (MOA 203): `unit`, or `line` where a price is that of the line"
    return (Choice("container.price_basis", "unit", 0.4, reason),)


def _unit_price(text: str) -> tuple[Choice, ...]:
    """What CTP and UIT give is a price of one unit by the standard; several prices leave the choice."""
    qualifiers = sorted(set(re.findall(r"\bCTP\W\w*\W(\w*)\W[\d.]+", text)))
    if len(qualifiers) > 1:
        reason = f"prices of several kinds ({', '.join(qualifiers)}): name those to read as price_qualifiers"
        return (Choice("container.price_basis", "unit", 0.4, reason),)
    if not qualifiers and not re.search(r"\bUIT\W\w*\W[\d.]+", text):
        return ()
    reason = f"{'CTP03' if qualifiers else 'UIT02'} is the price of one unit; amounts are worked out from it"
    return (Choice("container.price_basis", "unit", 0.8, reason),)


def _edi_period(span: re.Match[str] | None) -> tuple[Choice, ...]:
    """The length of the period that a message spells, and its first day."""
    try:
        first, last = (date.fromisoformat(text) for text in span.groups()) if span else (None, None)
    except ValueError:
        first = last = None
    if first is None or last is None:
        return (
            Choice("period.frequency", "week", 0.1, "no message spells a first and a last day"),
            Choice("expected_from", date(2026, 1, 5), 0.1, "the first day from which reports are expected"),
        )
    days = (last - first).days + 1
    frequency = "day" if days == 1 else "week" if days <= 7 else "month"
    return (
        Choice("period.frequency", frequency, 0.9, f"a message covers {first} to {last}, {days} days"),
        Choice("expected_from", first, 0.7, "the first day of this sample; set it to the first you expect"),
    )


# --- text ---


def _delimited(path: Path, head: bytes, tail: bytes) -> Sample:
    found = encodings.likely(head)
    if not found.encoding.startswith("utf"):
        encodings.refuse_mixed(head, str(path))
    encoding = Choice("container.encoding", *found)
    text = head.decode(encoding.value, errors="replace").removeprefix("\ufeff")
    if "\x00" in text:
        raise RejectedFile(
            "binary_content",
            "the file holds NUL bytes: it is neither text nor a workbook",
            "give a delimited text file, an Excel workbook or an EDI message",
            Place(file=path),
        )
    lines = re.split(r"\r*\n|\r", text)
    if len(head) == _HEAD and len(lines) > 1:
        lines.pop()
    fixed = _fixed_width(lines, encoding)
    if fixed is not None:
        return fixed
    delimiter, grid = _dialect(lines, path)
    header = _header_row(grid)
    titles = tuple(collapse(cell) for cell in grid[header])
    first = header
    if header and (joined := _grouped_titles(grid[header - 1], grid[header])):
        first, titles = header - 1, joined
    rows = tuple(tuple(row) for row in grid[header + 1 :] if any(cell.strip() for cell in row))
    choices = [Choice("container.kind", "delimited", 0.99, "the file is text"), encoding, delimiter]
    choices.append(_header_choice(first + 1, [title.split(" / ")[-1] for title in titles]))
    if first < header:
        reason = "a line of groups stands above titles that repeat"
        choices.append(Choice("container.header_rows", 2, 0.8, reason))
    quote = _quote(lines)
    if quote is not None:
        choices.append(quote)
    last = tail.decode(encoding.value, errors="replace") if tail else ""
    last_rows = _cells(re.split(r"\r*\n|\r", last)[1:], delimiter.value)
    return Sample(
        "delimited",
        titles,
        rows[:_ROWS],
        tuple(choices),
        tuple(map(row_text, grid[:first])),
        tuple(tuple(row) for row in [*rows[-5:], *last_rows[-5:]]),
        (False,) * len(titles),
    )


def _grouped_titles(upper: Sequence[str], lower: Sequence[str]) -> tuple[str, ...] | None:
    """Titles that repeat, told apart by the groups in the line above them; None if that tells nothing."""
    titles = [fold(cell) for cell in lower if cell.strip()]
    filled = [cell for cell in upper if cell.strip()]
    if len(set(titles)) == len(titles) or len(filled) < 2 or len(upper) != len(lower):
        return None
    joined = join_titles([upper, lower], None)
    return joined if len(set(map(fold, joined))) == len(joined) and not any(map(is_number, filled)) else None


def _quote(lines: Sequence[str]) -> Choice | None:
    """A note where quotes stand within cells rather than around them."""
    sample = lines[:500]
    if any(re.search(r'[^;,|\t]"[^;,|\t"]', line) for line in sample) and not any(
        re.search(r'(^|[;,|\t])".*"([;,|\t]|$)', line) for line in sample
    ):
        return Choice("container.quote", None, 0.8, "quotes stand within cells (inches?), none around a cell")
    return None


def _cells(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    if len(delimiter) == 1:
        return list(csv.reader(_whole(lines), delimiter=delimiter, strict=False))
    marked = [line.replace(_UNIT_MARK, " ").replace(delimiter, _UNIT_MARK) for line in lines]
    rows = csv.reader(_whole(marked), delimiter=_UNIT_MARK, strict=False)
    return [[cell.replace(_UNIT_MARK, delimiter) for cell in row] for row in rows]


def _whole(lines: Sequence[str]) -> Iterator[str]:
    """Lines with their ends, which count within quotes."""
    return (f"{line}\n" for line in lines)


def _long_delimiter(lines: Sequence[str]) -> Choice | None:
    """A delimiter of several characters: it cuts the lines alike, and its characters stand nowhere else."""
    filled = [line for line in lines[:400] if line.strip()]
    for delimiter in _LONG_DELIMITERS:
        counts = Counter(line.count(delimiter) for line in filled)
        times, share = max(counts.items(), key=lambda item: item[1]) if counts else (0, 0)
        alone = sum(
            line.count(mark) == line.count(delimiter) * delimiter.count(mark)
            for line in filled
            for mark in set(delimiter)
        )
        if times and share >= 0.8 * len(filled) and alone >= 0.95 * len(filled) * len(set(delimiter)):
            shown = repr(delimiter)
            reason = f"{shown} cuts {share / len(filled):.0%} of the lines into {times + 1} cells, and its "
            reason += "characters stand nowhere else"
            return Choice("container.delimiter", delimiter, 0.9, reason)
    return None


def _fixed_width(lines: Sequence[str], encoding: Choice) -> Sample | None:
    """A text of lines of one length, with columns that are blank in all of them; None if it is none."""
    filled = [line for line in lines[: _ROWS + 1] if line.strip()]
    if len(filled) < 3 or any(mark in line for line in filled[:50] for mark in ";|\t"):
        return None
    length = max(len(line) for line in filled)
    # A first line without any figure is taken for titles.
    is_header = not any(letter.isdigit() for letter in filled[0])
    rows = [line.ljust(length) for line in filled[is_header:]]
    if sum(len(line) >= 0.8 * length for line in filled) < 0.9 * len(filled):
        return None
    blank = "".join(" " if all(row[i] == " " for row in rows) else "x" for i in range(length))
    runs: list[tuple[int, int]] = []
    for match in re.finditer("x+", blank):
        ends_right = all(row[match.end() - 1] != " " for row in rows)
        # One blank is a gap between words, unless what follows ends at its right edge, as figures do.
        if runs and match.start() - runs[-1][1] == 1 and not ends_right:
            runs[-1] = (runs[-1][0], match.end())
        else:
            runs.append((match.start(), match.end()))
    if len(runs) < 3 or not any(is_number(row[a:b].strip()) for row in rows[:50] for a, b in runs):
        return None
    if any(all(row[end - 1] == "," for row in rows) for _, end in runs):
        return None
    # Blanks before figures belong to them, others to the field before.
    starts = [0] + [
        end if all(row[following[1] - 1] != " " for row in rows) else following[0]
        for (_, end), following in pairwise(runs)
    ]
    ranges = list(zip(starts, [*starts[1:], length], strict=True))
    heads = [collapse(filled[0].ljust(length)[a:b]) for a, b in ranges]
    has_names = is_header and len(set(heads)) == len(heads) and all(heads)
    titles = tuple(heads) if has_names else tuple(f"Field {a + 1}-{b}" for a, b in ranges)
    cells = tuple(tuple(row[a:b].strip() for a, b in ranges) for row in rows)
    fields = {title: f"{a + 1}-{b}" for title, (a, b) in zip(titles, ranges, strict=True)}
    reason = "these columns are blank in all lines between them; fields that touch cannot be told apart"
    skip = lines.index(filled[0]) + 1 if is_header else 0
    choices = [
        Choice("container.kind", "fixed_width", 0.8, "no delimiter; the lines are of one length"),
        encoding,
        Choice("container.fields", fields, 0.6, reason),
    ]
    if skip:
        choices.append(
            Choice("container.skip_lines", skip, 0.8, "the first line holds names: " + ", ".join(titles))
        )
    return Sample(
        "fixed_width", titles, cells[:_ROWS], tuple(choices), (), cells[-5:], (False,) * len(titles)
    )


def _dialect(lines: Sequence[str], path: Path) -> tuple[Choice, list[list[str]]]:
    sample = list(lines[: _ROWS + _HEADER_WITHIN])
    long = _long_delimiter(lines)
    if long is not None:
        return long, _cells(sample, long.value)
    best: tuple[float, int, str] = (0.0, 1, "")
    for delimiter in _DELIMITERS:
        widths = Counter(
            len(row)
            for row in csv.reader(_whole(sample[:400]), delimiter=delimiter, strict=False)
            if any(row)
        )
        wide = {width: count for width, count in widths.items() if width > 1}
        if not wide:
            continue
        width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
        share = count / sum(widths.values())
        # A comma within numbers gives ragged rows, or as many cells in each as a plainer mark does not.
        penalty = 0.15 if delimiter == "," else 0.0
        best = max(best, (share - penalty, width, delimiter))
    score, width, delimiter = best
    if not delimiter:
        raise RejectedFile(
            "no_table",
            "no delimiter cuts the lines into columns, and none is blank in all lines: tried ';', tab, '|', "
            "',' and longer ones",
            "give a sample with at least two columns; for fields that touch write the profile by hand",
            Place(file=path),
        )
    shown = {"\t": "tab"}.get(delimiter, repr(delimiter))
    share = min(1.0, score + (0.15 if delimiter == "," else 0.0))
    reason = f"{shown} cuts {share:.0%} of the lines into {width} cells"
    choice = Choice("container.delimiter", delimiter, round(0.5 + 0.49 * share, 2), reason)
    return choice, _cells(sample, delimiter)


# --- the header ---


def words(title: str) -> str:
    """A title as synonyms are compared: folded, signs taken for blanks."""
    return re.sub(r"[^a-z0-9]+", " ", fold(title)).strip()


_KNOWN: Final = frozenset(phrase for phrases in COLUMNS.values() for phrase in phrases) | frozenset(
    PERIOD_TITLES
)


def _header_row(grid: Sequence[Sequence[str]]) -> int:
    """The row that looks most like titles: filled, distinct, no numbers, known words, data below it."""
    widths = Counter(len(row) for row in grid if len(row) > 1)
    usual = max(widths, key=lambda width: (widths[width], width)) if widths else 1
    best, found = -1.0, 0
    for number, row in enumerate(grid[:_HEADER_WITHIN]):
        cells = [cell.strip() for cell in row]
        filled = [cell for cell in cells if cell]
        if len(filled) < 2 or len(set(filled)) < len(filled) / 2:
            continue
        texts = sum(not is_number(cell) for cell in filled) / len(filled)
        known = sum(words(part) in _KNOWN for cell in filled for part in (cell, cell.split(" / ")[-1]))
        below = any(any(is_number(cell) for cell in later) for later in grid[number + 1 : number + 6])
        score = (
            texts
            + 2 * min(1.0, known / len(cells))
            + 0.5 * (len(row) == usual)
            + 0.5 * len(filled) / len(cells)
            + 0.5 * below
            - 0.01 * number
        )
        if score > best:
            best, found = score, number
    return found


def _header_choice(row: int, titles: Sequence[str]) -> Choice:
    known = sum(words(title) in _KNOWN for title in titles)
    return Choice(
        "container.header_row",
        row,
        round(min(0.97, 0.6 + 0.4 * known / max(1, len(titles))), 2) if known else 0.6,
        f"row {row} holds titles, {known} of {len(titles)} by names that are known, and data stands below",
    )


def is_number(text: str) -> bool:
    """Whether a cell could be a number in some locale."""
    return bool(_NUMBER.fullmatch(text.strip())) and any(letter.isdigit() for letter in text)


# --- workbooks ---


def _workbook(path: Path) -> Sample:
    opened = open_workbook(path, path.name)
    sheets = [(name, opened.sheet(name, path.name)) for name in opened.visible or opened.names]
    best: tuple[float, str, list[list[Any]], Any] | None = None
    for name, sheet in sheets:
        rows = sheet.to_python(skip_empty_area=False, nrows=_ROWS)
        opened.pad(name, rows)
        grid = [[_shown(cell) for cell in row] for row in rows]
        known = max((sum(words(cell) in _KNOWN for cell in row) for row in grid[:_HEADER_WITHIN]), default=0)
        score = known + min(len(grid), 1000) / 1000
        if grid and (best is None or score > best[0]):
            best = (score, name, rows, sheet)
    if best is None:
        raise RejectedFile(
            "empty_file", "no sheet of the workbook holds a row", "give a report with rows", Place(file=path)
        )
    _, name, rows, sheet = best
    grid = [[_shown(cell) for cell in row] for row in rows]
    found = _header_row(grid)
    last = _lower_row(grid, found, sheet)
    first, merged = _upper_rows(grid, last, sheet)
    if last > found:
        first, merged = found, bool(excel.merged_ranges(sheet, found, last))
    titles = join_titles(rows[first : last + 1], excel.merged_ranges(sheet, first, last + 1))
    body = rows[last + 1 :]
    texts = tuple(tuple(_shown(cell) for cell in row) for row in body if any(_shown(cell) for cell in row))
    choices = [Choice("container.kind", "excel", 0.99, "the file is a workbook")]
    alike = [
        other
        for other in opened.visible
        if other == name or _titles_of(opened.sheet(other, path.name), first, last) == [*map(fold, titles)]
    ]
    if len(alike) > 1:
        # Each is a store or a month, or goes on where the one before is full: the first alone loses them.
        choices.append(
            Choice(
                "container.sheets",
                f"^({'|'.join(re.escape(other).replace(chr(92) + ' ', ' ') for other in alike)})$",
                0.4,
                "these have the same titles: name those that count; '@sheet' stands for their names, for a "
                "store or a period",
            )
        )
    elif len(opened.names) > 1:
        others = ", ".join(repr(other) for other in opened.names if other != name)
        choices.append(
            Choice("container.sheet", name, 0.8, f"the sheet with most known titles and rows; not {others}")
        )
    choices.append(_header_choice(first + 1, [title.split(" / ")[-1] for title in titles]))
    if last > first:
        reason = "merged titles stand above the titles" if merged else "a row of groups stands above"
        choices.append(Choice("container.header_rows", last - first + 1, 0.95 if merged else 0.7, reason))
    columns = list(zip(*body, strict=True)) if body else [()] * len(titles)
    written = tuple(frozenset(_shown(cell) for cell in cells if isinstance(cell, str)) for cells in columns)
    typed = tuple(bool(cells) and not any(texts) for cells, texts in zip(columns, written, strict=True))
    return Sample(
        "excel",
        titles,
        texts,
        tuple(choices),
        tuple(map(row_text, grid[:first])),
        texts[-5:],
        typed,
        written,
        tuple(alike) if len(alike) > 1 else (),
    )


def _titles_of(sheet: Any, first: int, last: int) -> list[str]:
    """Folded titles of a sheet whose header stands where that of another one does."""
    rows = sheet.to_python(skip_empty_area=False, nrows=last + 1)[first:]
    return [fold(title) for title in join_titles(rows, excel.merged_ranges(sheet, first, last + 1))]


def _lower_row(grid: Sequence[Sequence[str]], found: int, sheet: Any) -> int:
    """The last of the header rows that begin at `found`: titles may stand below groups, where these end."""
    below = grid[found + 1] if found + 1 < len(grid) else []
    titles = [(cell, above) for cell, above in zip(below, grid[found], strict=False) if cell]
    known = sum(words(cell) in _KNOWN for cell, _ in titles)
    are_titles = bool(titles) and known == len(titles)
    if not are_titles and excel.merged_ranges(sheet, found, found + 1):
        # Merged groups promise titles below them: no figure among them, and half of them known, is proof.
        are_titles = 2 * known >= len(titles) > 0 and not any(is_number(cell) for cell, _ in titles)
    return found + 1 if are_titles and any(not above for _, above in titles) else found


def _upper_rows(grid: Sequence[Sequence[str]], last: int, sheet: Any) -> tuple[int, bool]:
    """The first of the header rows that end at `last`, and whether merged cells say so."""
    first, merged = last, False
    while first > 0 and last - first < 2:
        ranges = excel.merged_ranges(sheet, first - 1, first) or []
        filled = [cell for cell in grid[first - 1] if cell]
        # A title over the whole sheet is no group of columns.
        groups = [r for r in ranges if r[2] - r[1] + 1 < len(grid[last])]
        if not groups or len(filled) < 2:
            break
        first, merged = first - 1, True
    return first, merged


def _shown(cell: Any) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e18 else repr(cell)
    if isinstance(cell, datetime | date):
        # The hour of a sale says nothing of its day, and midnights have none.
        return (cell.date() if isinstance(cell, datetime) else cell).isoformat()
    return str(cell).strip()
