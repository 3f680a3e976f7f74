"""Reading a FEC, the ledger export that every French company must be able to produce.

The layout is fixed by law (art. A47 A-1 LPF): named columns, TAB or `|` between them, no quotes, decimal
comma, dates AAAAMMJJ, ASCII, ISO 8859-15 or UTF-8. Real exports bend it: other letter case in the header,
more columns, a trailing separator, cells padded with blanks or zeros, signs before or after, `Montant` and
`Sens` instead of `Debit` and `Credit`, several ends of line. `read` takes what can be read without doubt and
says what it found; a line that leaves a doubt is a fault with line, column and value, never a guess.

What belongs here: bytes of one file -> typed lines and faults in DuckDB. What does not: which files make an
export and where they land (`connectors.accounting.exports`), what accounts mean (dbt).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from connectors.contract import MONEY
from connectors.errors import Place, RejectedFile
from connectors.feeds.table import UNUSUAL_SPACES, fold, quoted

_BLOCK: Final = 4 << 20
_HEADER_BYTES: Final = 64 << 10
_SEPARATORS: Final = ("\t", "|", ";")
_BLANKS: Final = f" \t\r\n{UNUSUAL_SPACES}\ufeff"
_SAMPLE: Final = 20

COLUMNS: Final = {
    "journalcode": "journal_code",
    "journallib": "journal_label",
    "ecriturenum": "entry_number",
    "ecrituredate": "entry_date",
    "comptenum": "account_code",
    "comptelib": "account_label",
    "compauxnum": "auxiliary_code",
    "compauxlib": "auxiliary_label",
    "pieceref": "piece_reference",
    "piecedate": "piece_date",
    "ecriturelib": "entry_label",
    "debit": "debit_amount",
    "credit": "credit_amount",
    "montant": "amount",
    "sens": "direction",
    "ecriturelet": "lettering_code",
    "datelet": "lettering_date",
    "validdate": "validation_date",
    "montantdevise": "currency_amount",
    "idevise": "currency_code",
}
"""Title of a FEC column, folded and without blanks, -> canonical column."""

_TEXTS: Final = (
    "journal_code",
    "journal_label",
    "entry_number",
    "account_code",
    "account_label",
    "auxiliary_code",
    "auxiliary_label",
    "piece_reference",
    "entry_label",
    "lettering_code",
    "currency_code",
)
_OPTIONAL_DATES: Final = ("piece_date", "lettering_date", "validation_date")
_REQUIRED: Final = ("journal_code", "entry_number", "entry_date", "account_code")


@dataclass(frozen=True)
class FecFile:
    """How one file is written, as found in it."""

    path: Path
    encoding: str
    separator: str
    titles: tuple[str, ...]
    positions: dict[str, int]
    is_quoted: bool = False

    @property
    def layout(self) -> str:
        """`debit_credit`, or `amount_direction` where one amount bears a direction (`Montant`, `Sens`)."""
        return "debit_credit" if "debit_amount" in self.positions else "amount_direction"

    @property
    def further_titles(self) -> tuple[str, ...]:
        """Columns that the law does not name and that are not landed."""
        known = set(self.positions.values())
        return tuple(title for number, title in enumerate(self.titles) if title and number not in known)

    def title(self, column: str) -> str:
        """The title, in the file, of a canonical column."""
        return self.titles[self.positions[column]]


def inspect(path: Path) -> FecFile:
    """Find encoding, separator and columns of a file; RejectedFile if it is no FEC."""
    encoding = _encoding(path)
    header = _header(path, encoding)
    separator = max(_SEPARATORS, key=header.count)
    cells = [cell.strip(_BLANKS) for cell in header.split(separator)]
    while cells and not cells[-1]:
        cells.pop()
    is_quoted = all(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)
    titles = tuple(cell[1:-1] for cell in cells) if is_quoted else tuple(cells)
    positions: dict[str, int] = {}
    for number, title in enumerate(titles):
        column = COLUMNS.get(fold(title).replace(" ", ""))
        if column is None:
            continue
        if column in positions:
            raise RejectedFile(
                "duplicate_header",
                f"the column {title!r} stands twice",
                "ask for an export that names each column once",
                Place(file=path.name, row=1, column=title),
            )
        positions[column] = number
    missing = [name for name in _REQUIRED if name not in positions]
    if not missing and "debit_amount" in positions and "credit_amount" not in positions:
        missing = ["credit_amount"]
    if not missing and "debit_amount" not in positions:
        missing = [name for name in ("amount", "direction") if name not in positions]
    if missing:
        names = {column: title for title, column in COLUMNS.items()}
        raise RejectedFile(
            "missing_header",
            f"the first line lacks {', '.join(names[name] for name in missing)}; found: "
            f"{', '.join(repr(title) for title in titles if title)[:500] or 'nothing'}",
            "export the ledger as a FEC: names of columns in the first line, TAB or | between them",
            Place(file=path.name, row=1),
        )
    return FecFile(path, encoding, separator, titles, positions, is_quoted)


def _encoding(path: Path) -> str:
    """Encoding by its mark or, without one, by what the bytes can be: every byte of the file is looked at.

    Of the encodings that the law allows, UTF-8 proves itself. Bytes 80 to 9F are letters in Windows' own code
    page only, which many packages write for ISO 8859-15.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, is_windows = True, False
    with path.open("rb") as handle:
        start = handle.read(3)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if start == codecs.BOM_UTF8:
            return "utf-8-sig"
        block = start
        while block:
            is_windows = is_windows or len(block.translate(None, _C1)) != len(block)
            if is_utf8:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
            block = handle.read(_BLOCK)
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    if is_utf8:
        return "utf-8"
    return "cp1252" if is_windows else "iso8859-15"


_C1: Final = bytes(range(0x80, 0xA0))


def _header(path: Path, encoding: str) -> str:
    with path.open("rb") as handle:
        start = codecs.getincrementaldecoder(encoding)(errors="replace").decode(handle.read(_HEADER_BYTES))
    first = re.split(r"[\r\n]", start.lstrip("\ufeff\r\n"), maxsplit=1)[0]
    if not first.strip(_BLANKS):
        raise RejectedFile(
            "empty_file", "the file is empty", "export the ledger again", Place(file=path.name)
        )
    return first


def _lines(file: FecFile) -> Iterator[pa.RecordBatch]:
    """The lines of a file below its header, with their numbers, in blocks."""
    decoder = codecs.getincrementaldecoder(file.encoding)(errors="replace")
    number, rest, is_header = 0, "", True
    with file.path.open("rb") as handle:
        # Where lines end with a line feed a lone carriage return is a stray sign within a label.
        mark = "\n" if _has_line_feed(file) else "\r"
        while True:
            block = handle.read(_BLOCK)
            # Old systems pad cells with zero bytes, which no SQL text can hold.
            parts = (rest + decoder.decode(block, final=not block).replace("\0", " ")).split(mark)
            rest = "" if not block else parts.pop()
            if parts:
                numbers = range(number + 1, number + 1 + len(parts))
                number += len(parts)
                texts, kept = [], []
                for position, text in zip(numbers, parts, strict=True):
                    if not text.strip(_BLANKS):
                        continue
                    if is_header:
                        is_header = False
                        continue
                    kept.append(position)
                    texts.append(text)
                yield pa.record_batch([pa.array(kept, pa.int64()), pa.array(texts, pa.string())], _LINE)
            if not block:
                return


_LINE: Final = ["source_row", "line"]


def _has_line_feed(file: FecFile) -> bool:
    feed = "\n".encode("utf-16-le" if file.encoding == "utf-16" else "ascii")
    with file.path.open("rb") as handle:
        return feed in handle.read(_HEADER_BYTES * 16)


# --- cells to values ---


def _cell(file: FecFile, column: str) -> str:
    """SQL: the cell without padding, NULL if nothing is left or the file has no such column."""
    position = file.positions.get(column)
    if position is None:
        return "cast(null as varchar)"
    blanks = _BLANKS + '"' if file.is_quoted else _BLANKS
    return f"nullif(trim(cells[{position + 1}], {quoted(blanks)}), '')"


_FIGURE: Final = r"(?:\d+|\d{1,3}(?:[ \x{00A0}\x{202F}]\d{3})+)?(?:[.,]\d*)?"
_AMOUNT: Final = rf"[+-]? *{_FIGURE}|{_FIGURE} *[+-]"


def _amount(text: str) -> str:
    """SQL: the amount, sign before or after, exact to four decimals; NULL if it is none."""
    digits = f"replace(regexp_replace({text}, '[^0-9.,]', '', 'g'), ',', '.')"
    value = f"try_cast(case when ends_with({digits}, '.') then {digits} || '0' else {digits} end as {MONEY})"
    sign = f"case when contains({text}, '-') then -1 else 1 end"
    return (
        f"case when regexp_full_match({text}, {quoted(_AMOUNT)}) and regexp_matches({text}, '[0-9]') "
        f"then cast({value} * {sign} as {MONEY}) end"
    )


_DAY_FIRST: Final = "%d/%m/%Y"
_MONTH_FIRST: Final = "%m/%d/%Y"


def _date(text: str, with_strokes: str) -> str:
    """SQL: the date AAAAMMJJ, also written with marks; NULL if it is none."""
    return (
        "cast(coalesce("
        + ", ".join(f"try_strptime({text}, '{form}')" for form in ("%Y%m%d", "%Y-%m-%d", with_strokes))
        + ") as date)"
    )


def _with_strokes(connection: duckdb.DuckDBPyConnection, file: FecFile) -> str:
    """The form of the dates with strokes in `gl_cells`: month first if an entry proves it and none denies it.

    Read by the line, 10/27/2025 would be a fault and 10/02/2025 a day of February.
    """
    day = _cell(file, "entry_date")
    days, months = (f"try_strptime({day}, '{form}')" for form in (_DAY_FIRST, _MONTH_FIRST))
    (is_month_first,) = connection.execute(
        f"select coalesce(bool_or({days} is null and {months} is not null), false) "
        f"and not bool_or({months} is null and {days} is not null) from gl_cells"
    ).fetchone() or (False,)
    return _MONTH_FIRST if is_month_first else _DAY_FIRST


_DIRECTIONS: Final = {"D": 1, "C": -1, "+1": 1, "1": 1, "-1": -1, "+": 1, "-": -1, "DEBIT": 1, "CREDIT": -1}


def _direction(text: str) -> str:
    arms = " ".join(f"when {quoted(sign)} then {value}" for sign, value in _DIRECTIONS.items())
    return f"case strip_accents(upper({text})) {arms} end"


def read(connection: duckdb.DuckDBPyConnection, files: Sequence[FecFile]) -> None:
    """Read the files of one export: tables `gl_lines` (good lines, typed) and `gl_faults` (one row a fault).

    `gl_lines` has the canonical columns of `accounting.gl_entries` but keys and provenance, with
    `source_file` and `source_row` (1 = first line of the file). A faulty line stands in `gl_faults` only,
    with its raw text.
    """
    connection.execute("drop table if exists gl_lines")
    connection.execute("drop table if exists gl_faults")
    for number, file in enumerate(files):
        batches = _lines(file)
        schema = pa.schema([("source_row", pa.int64()), ("line", pa.string())])
        connection.register("incoming_lines", pa.RecordBatchReader.from_batches(schema, batches))
        separator = quoted(file.separator)
        connection.execute(
            "create or replace temp table gl_cells as "
            f"select source_row, line, string_split(line, {separator}) as cells from incoming_lines"
        )
        connection.unregister("incoming_lines")
        typed = _typed(file, _with_strokes(connection, file))
        connection.execute(f"create or replace temp table gl_typed as {typed}")
        into = ("create temp table {} as", "insert into {}")[number > 0]
        connection.execute(f"{into.format('gl_faults')} {_faults(file)}")
        connection.execute(f"{into.format('gl_lines')} {_good(file)}")
    connection.execute("drop table gl_cells")
    connection.execute("drop table gl_typed")


def _typed(file: FecFile, with_strokes: str) -> str:
    last = max(position for name, position in file.positions.items() if name not in _OPTIONAL_TAIL)
    has_room = f"len(cells) > {last}"
    # What stands beyond the header is a trailing separator if it is blank, a torn line otherwise.
    rest = f"cells[{len(file.titles) + 1}:]"
    has_rest = f"len(list_filter({rest}, lambda cell: trim(cell, {quoted(_BLANKS)}) <> '')) > 0"
    texts = [f"{_cell(file, name)} as {name}" for name in _TEXTS]
    dates = []
    for name in ("entry_date", *_OPTIONAL_DATES):
        # Some packages pad an absent date with zeros.
        text = f"nullif(regexp_replace({_cell(file, name)}, '^0+$', ''), '')"
        dates += [f"{text} as {name}_text", f"{_date(text, with_strokes)} as {name}"]
    if file.layout == "debit_credit":
        amounts = []
        for name in ("debit_amount", "credit_amount"):
            text = _cell(file, name)
            amounts += [f"{text} as {name}_text", f"{_amount(text)} as {name}"]
    else:
        amounts = [
            f"{_cell(file, 'amount')} as amount_text",
            f"{_amount(_cell(file, 'amount'))} as amount",
            f"{_cell(file, 'direction')} as direction_text",
            f"{_direction(_cell(file, 'direction'))} as direction",
        ]
    currency = _cell(file, "currency_amount")
    amounts += [f"{currency} as currency_amount_text", f"{_amount(currency)} as currency_amount"]
    columns = ", ".join([*texts, *dates, *amounts])
    return (
        f"select source_row, line, not ({has_room}) or {has_rest} as is_torn, len(cells) as cell_count, "
        f"{columns} from gl_cells"
    )


_OPTIONAL_TAIL: Final = (
    "auxiliary_code",
    "auxiliary_label",
    "lettering_code",
    "lettering_date",
    "validation_date",
    "currency_amount",
    "currency_code",
)


def _faults(file: FecFile) -> str:
    """SQL: one row per fault: source_file, source_row, column_name, value, reason_code, reason, raw_text."""

    def fault(code: str, condition: str, title: str, value: str, reason: str) -> str:
        return (
            f"select {quoted(file.path.name)} as source_file, source_row, "
            f"cast({quoted(title)} as varchar) as column_name, cast({value} as varchar) as value, "
            f"{quoted(code)} as reason_code, {reason} as reason, line as raw_text "
            f"from gl_typed where {condition}"
        )

    whole = "not is_torn and "
    parts = [
        fault(
            "malformed_row",
            "is_torn",
            "",
            "null",
            f"'the line has ' || cell_count || ' cells where the header has {len(file.titles)}; "
            "correct the label that holds a separator or an end of line'",
        )
    ]
    for name in ("journal_code", "account_code"):
        parts.append(
            fault(
                f"missing_{name.removesuffix('_code')}",
                f"{whole}{name} is null",
                file.title(name),
                "null",
                "'the cell is empty; correct the entry in the accounts and export again'",
            )
        )
    parts.append(
        fault(
            "unparseable_date",
            f"{whole}entry_date is null",
            file.title("entry_date"),
            "entry_date_text",
            "'expected a date as AAAAMMJJ; correct the export'",
        )
    )
    named = ("debit_amount", "credit_amount") if file.layout == "debit_credit" else ("amount",)
    for name in named:
        parts.append(
            fault(
                "unparseable_amount",
                f"{whole}{name} is null and {name}_text is not null",
                file.title(name),
                f"{name}_text",
                "'expected an amount such as 1234,56 with its sign before or after; correct the export'",
            )
        )
    if file.layout == "amount_direction":
        parts.append(
            fault(
                "unknown_direction",
                f"{whole}direction is null and coalesce(amount, 1) <> 0",
                file.title("direction"),
                "direction_text",
                "'expected D or C, +1 or -1; correct the export'",
            )
        )
    return " union all ".join(parts)


def _good(file: FecFile) -> str:
    if file.layout == "debit_credit":
        debit, credit = "coalesce(debit_amount, 0)", "coalesce(credit_amount, 0)"
    else:
        debit = "case when direction = 1 then coalesce(amount, 0) else 0 end"
        credit = "case when direction = -1 then coalesce(amount, 0) else 0 end"
    name = quoted(file.path.name)
    texts = ", ".join(_TEXTS)
    dates = ", ".join(("entry_date", *_OPTIONAL_DATES))
    return (
        f"select {name} as source_file, source_row, {texts}, {dates}, "
        f"cast({debit} as {MONEY}) as debit_amount, cast({credit} as {MONEY}) as credit_amount, "
        f"currency_amount, {_remarks()} as remark_count from gl_typed "
        f"anti join (select source_row from gl_faults where source_file = {name}) using (source_row)"
    )


def _remarks() -> str:
    """SQL: how many optional cells of a line hold something that is no date or no amount."""
    optional = (*_OPTIONAL_DATES, "currency_amount")
    return " + ".join(f"cast({name} is null and {name}_text is not null as integer)" for name in optional)
