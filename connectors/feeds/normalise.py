"""From cells to canonical columns, in SQL: the one path that the tables of all readers take.

`judge` reads the relation `raw` that a reader left (see `connectors.feeds.table`), of one file or of several
of one feed, and leaves two tables: `judged`, one row per source row with typed values and whether it is
skipped or faulty; and `faults`, one row per fault with its reason. `lines` tells how good rows turn into rows
of a canonical entity. A row with any fault is not landed at all. What belongs here: the meaning of cells.
What does not: files, the ledger, decisions on whole files (`connectors.feeds.intake`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Final, Protocol

import duckdb
import pyarrow as pa

from connectors.contract import MONEY, QUANTITY, Entity, entity
from connectors.errors import ConfigError, Place, RejectedFile
from connectors.feeds.currencies import CURRENCIES
from connectors.feeds.customers import (
    BUSINESS_COLUMNS,
    Keys,
    load_business_hashes,
    load_hashes,
    looks_personal_sql,
)
from connectors.feeds.months import in_english_format, in_english_sql, names_months
from connectors.feeds.periods import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    Span,
    span_from_groups,
    span_from_text,
    span_of,
)
from connectors.feeds.profile import EXCEL_1900, EXCEL_1904, Excel, Frequency, Profile
from connectors.feeds.reasons import explain
from connectors.feeds.table import (
    UNUSUAL_SPACES,
    RawTable,
    UnprovenRows,
    collapse,
    fill,
    fold,
    locate,
    quoted,
)

_SPACES: Final = UNUSUAL_SPACES
_BLANKS: Final = f" \t\r\n{_SPACES}\ufeff"
_MINUS: Final = "\u2212"
_APOSTROPHES: Final = "'\u2019"
_SENDER: Final = ("partner_gln", "partner_siret")
_PRODUCT: Final = ("product_code", "gtin", "partner_product_code")
_STORE_TEXTS: Final = ("store_code", "store_name", "store_gln", "store_siret", "store_address", "store_city")
_TEXTS: Final = (
    *_STORE_TEXTS,
    "postal_code",
    "partner_product_code",
    "product_code",
    "product_label",
    "transaction_id",
    "message_reference",
    "document_number",
)
_METRICS: Final = (
    "sold_quantity",
    "returned_quantity",
    "net_amount",
    "on_hand_quantity",
    "in_transit_quantity",
)
_QUANTITIES: Final = ("sold_quantity", "returned_quantity", "on_hand_quantity")
# 18 digits: DuckDB reads a text into a wider decimal a hundred times slower.
_AMOUNT_WITH_TAX: Final = "DECIMAL(18,6)"
_SHOWN_LENGTH: Final = 4000
# Excel counts a 29 February 1900 that never was: from this day on all later ones are right.
_EPOCHS: Final = {EXCEL_1900: "1899-12-30", EXCEL_1904: "1904-01-01"}
_ERROR_CELLS: Final = (
    "('#N/A', '#REF!', '#VALUE!', '#DIV/0!', '#NAME?', '#NUM!', '#NULL!', '#SPILL!', '#CALC!', '#FIELD!', "
    "'#GETTING_DATA', '#BLOCKED!', '#CONNECT!', '#UNKNOWN!', '#UNCOMPUTED!')"
)
_TRUNCATED: Final = frozenset({"day", "week", "month", "quarter"})
"""Frequencies whose period of a day SQL finds by itself."""
MASK: Final = "***"
_WITHHELD: Final = "(withheld: the row may name a customer)"


@dataclass(frozen=True)
class WideColumn:
    """A column of a wide report: its position and title, and the metric, period and store that it names."""

    position: int
    title: str
    metric: str
    span: Span | None
    store: str | None


@dataclass(frozen=True)
class Layout:
    """A profile bound to the titles of one file, or of several that have the same: which cell holds what.

    `spans` are the periods that the files' names spell, one per file; empty where the profile reads them
    elsewhere.
    """

    profile: Profile
    table: RawTable
    files: tuple[str, ...]
    positions: Mapping[str, int]
    period_position: int | None
    skip_positions: tuple[int, ...]
    wide: tuple[WideColumn, ...]
    spans: tuple[Span, ...]

    def title(self, column: str) -> str:
        """The title, in the file, of a canonical column."""
        return self.table.titles[self.positions[column]]


@dataclass(frozen=True)
class Counts:
    """Source rows of one file below the header."""

    read: int
    skipped: int
    quarantined: int

    @property
    def accepted(self) -> int:
        return self.read - self.skipped - self.quarantined


@dataclass(frozen=True)
class Judgement:
    """What judging found in one file: how many rows are good, faults by code, and its periods in order."""

    counts: Counts
    reasons: Mapping[str, int]
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Lines:
    """How a canonical entity's rows come: `query` gives `_file` and the columns that vary, file after file;
    `constants` the columns that hold one value in every row of a file, by file.
    """

    query: str
    constants: tuple[Mapping[str, object], ...]


class _AddFault(Protocol):
    def __call__(self, code: str, condition: str, column: str, value: str = ..., *expected: str) -> None: ...


@dataclass(frozen=True)
class _Fault:
    """`condition`, `value` and `reason` are SQL."""

    code: str
    condition: str
    column: str
    value: str
    reason: str


def file_span(profile: Profile, file: str) -> Span | None:
    """The period that the file's name spells, where the profile reads it there; RejectedFile if it spells
    none.
    """
    period = profile.period
    if period.source != "file_name":
        return None
    name = file.rpartition("/")[2]
    span = span_from_text(name, period.pattern or "", period.frequency, period.date_format, period.calendar)
    if span is None:
        raise RejectedFile(
            "unknown_period",
            f"the file's name names no {_said(period.frequency)} by the pattern {period.pattern!r}",
            "rename the file as agreed, or correct 'period.pattern' in the profile",
            Place(file=file),
        )
    return span


def bind(profile: Profile, table: RawTable, *files: str) -> Layout:
    """Find the profile's columns among the titles of the files; RejectedFile names what is missing."""
    file, row, titles = files[0], table.header_row, table.titles
    if profile.names_people and not _is_header(profile, titles):
        # A wrong header row would put the first row of data into the message.
        raise RejectedFile(
            "missing_header",
            "hardly any column of the profile is among the titles (not shown: they may name a customer)",
            "ask the partner for the agreed layout, or correct 'columns' or 'header_row' in the profile",
            Place(file=file, row=row),
        )
    positions = {name: locate(title, titles, file, row) for name, title in profile.columns.named().items()}
    period = profile.period
    return Layout(
        profile=profile,
        table=table,
        files=files,
        positions=positions,
        period_position=locate(period.header, titles, file, row)
        if period.source == "column" and period.header
        else None,
        skip_positions=tuple(locate(skipped.header, titles, file, row) for skipped in profile.skip_rows),
        wide=_wide_columns(profile, table, frozenset(positions.values()), file),
        spans=tuple(span for name in files if (span := file_span(profile, name))),
    )


def _is_header(profile: Profile, titles: Sequence[str]) -> bool:
    """Whether at least half of the columns that the profile names are there."""
    wanted = {fold(title) for title in profile.columns.named().values()}
    return 2 * len(wanted & {fold(title) for title in titles}) >= len(wanted)


def personal_values(
    connection: duckdb.DuckDBPyConnection, layout: Layout, landed: Sequence[Path]
) -> list[dict[str, int]]:
    """Rows of each landed file by column whose text looks like an e-mail address or a telephone number."""
    found: list[dict[str, int]] = [{} for _ in landed]
    names = [name for name in _TEXTS if name in layout.positions]
    if not names:
        return found
    counts = ", ".join(f"count(*) filter (where {looks_personal_sql(name)})" for name in names)
    paths = ", ".join(quoted(str(path)) for path in landed)
    for file, *row in connection.execute(
        f"select file_index, {counts} from read_parquet([{paths}]) group by file_index"
    ).fetchall():
        found[file] = {name: count for name, count in zip(names, row, strict=True) if count}
    return found


def _said(frequency: Frequency) -> str:
    return frequency.replace("_", " ")


def _wide_columns(
    profile: Profile, table: RawTable, taken: frozenset[int], file: str
) -> tuple[WideColumn, ...]:
    found: dict[tuple[str, Span | None, str | None], WideColumn] = {}
    period = profile.period
    for entry in profile.wide:
        before = len(found)
        for position, title in enumerate(table.titles):
            match = re.search(entry.pattern, collapse(title), re.IGNORECASE)
            if match is None or position in taken:
                continue
            groups = match.groupdict()
            span = None
            if period.source == "header":
                span = span_from_groups(groups, period.frequency, period.date_format, period.calendar)
                if span is None:
                    raise RejectedFile(
                        "unknown_period",
                        f"the title names no real {_said(period.frequency)}",
                        "ask the partner to correct it, or correct 'wide.pattern' in the profile",
                        Place(file=file, row=table.header_row, column=title),
                    )
            key = (entry.metric, span, groups.get("store_code"))
            if key in found:
                named = " and ".join(filter(None, (span.key if span else None, key[2])))
                raise RejectedFile(
                    "duplicate_header",
                    f"{entry.metric} of {named} stands in two columns",
                    "ask the partner to send each period and store once",
                    Place(file=file, row=table.header_row, column=title),
                )
            found[key] = WideColumn(position, title, entry.metric, span, key[2])
        if len(found) == before:
            raise RejectedFile(
                "missing_header",
                f"no column matches {entry.pattern!r}; found: "
                f"{', '.join(repr(title) for title in table.titles if title)}",
                "ask the partner for the agreed layout, or correct 'wide.pattern' in the profile",
                Place(file=file, row=table.header_row),
            )
    return tuple(found.values())


def _by_file(values: Sequence[str]) -> str:
    """SQL: the value of the row's file, of one per file."""
    return values[0] if len(set(values)) == 1 else f"([{', '.join(values)}])[_file + 1]"


# --- cells to values ---


def _text(layout: Layout, position: int) -> str:
    """SQL: the cell without blanks around it, NULL if nothing is left."""
    cell, blanks = f"c{position}", quoted(_BLANKS)
    # Trimming copies every cell; a look at both ends copies only those that need it. No text sorts before '!'
    # but one that begins with a blank, and the unusual blanks sort behind all of ASCII.
    edges = f"{cell} < '!' or ends_with({cell}, ' ')"
    if layout.table.has_unusual_blanks:
        edges += f" or {cell} > '~' or regexp_matches({cell}, {quoted(f'[{_BLANKS}]$')})"
    return f"nullif(case when {edges} then trim({cell}, {blanks}) else {cell} end, '')"


def number_pattern(profile: Profile) -> str:
    """Regular expression of a number as the profile announces it; nothing else is taken for one."""
    decimal = re.escape(profile.decimal_mark)
    digits = r"(?:\d+"
    if profile.thousands_mark:
        mark = {" ": f"[ {_SPACES}]", "'": f"[{_APOSTROPHES}]"}.get(
            profile.thousands_mark, re.escape(profile.thousands_mark)
        )
        digits += rf"|\d{{1,3}}(?:{mark}\d{{3}})+"
    figure = rf"(?:{digits})(?:{decimal}\d+)?|{decimal}\d+)"
    minus, gap = f"[-{_MINUS}]", f"[ {_SPACES}]?"
    signed = rf"(?:[-+{_MINUS}]{gap}{figure}|{figure}{gap}{minus}|{figure}"
    return signed + (rf"|\({gap}{figure}{gap}\))" if profile.parentheses_are_negative else ")")


def _number(text: str, profile: Profile, type_: str) -> str:
    """SQL: the text as an exact decimal, rounded half away from zero to the type's scale; NULL if it is no
    number.
    """
    mark = profile.decimal_mark
    thousands = {" ": "", "'": _APOSTROPHES}.get(profile.thousands_mark, profile.thousands_mark)
    plain = f"translate({text}, {quoted(mark + _MINUS + thousands + ' +()' + _SPACES)}, '.-')"
    signed = f"case when ends_with({plain}, '-') then '-' || {plain}[:-2] else {plain} end"
    if profile.parentheses_are_negative:
        signed = f"case when starts_with({text}, '(') then '-' || {plain} else {signed} end"
    usual = rf"-?\d+(?:{re.escape(mark)}\d+)?"
    # Most numbers are written the usual way: they are spared the search for every other sign.
    return (
        f"case when regexp_full_match({text}, {quoted(usual)}) "
        f"then try_cast(replace({text}, {quoted(mark)}, '.') as {type_}) "
        f"when regexp_full_match({text}, {quoted(number_pattern(profile))}) then try_cast({signed} as "
        f"{type_}) end"
    )


def _amount(text: str, profile: Profile) -> str:
    """SQL: the amount before tax. The tax is taken out in whole numbers: a decimal division would be one of
    floats.
    """
    if not profile.tax_rate:
        return _number(text, profile, MONEY)
    factor = 1 + Decimal(str(profile.tax_rate))
    shift = 10 ** max(0, -int(factor.as_tuple().exponent))
    divisor = int(factor * shift) * 100
    scaled = f"cast(({_number(text, profile, _AMOUNT_WITH_TAX)}) * 1000000 as hugeint)"
    rounded = f"sign({scaled}) * ((2 * abs({scaled}) * {shift} + {divisor}) // {2 * divisor})"
    return f"cast(cast({rounded} as decimal(38,0)) * cast(0.0001 as decimal(5,4)) as {MONEY})"


def _date(text: str, date_format: str) -> str:
    if date_format in _EPOCHS:
        days = f"case when regexp_full_match({text}, '\\d{{1,6}}([.,]\\d+)?') then {text} end"
        whole = f"try_cast(regexp_extract({days}, '^\\d+') as integer)"
        return _plausible(f"date '{_EPOCHS[date_format]}' + {whole}")
    if names_months(date_format):
        text, date_format = in_english_sql(text, date_format), in_english_format(date_format)
    return _plausible(f"try_strptime({text}, {quoted(date_format)})")


def _plausible(moment: str) -> str:
    return (
        f"case when year({moment}) between {EARLIEST_YEAR} and {LATEST_YEAR} then cast({moment} as date) end"
    )


def _gtin(text: str) -> str:
    digits = quoted(r"\d{1,14}")
    letters = f"regexp_replace({text}, '[^0-9A-Za-z]', '', 'g')"
    return (
        f"case when regexp_full_match({text}, {digits}) then {text} "
        f"when regexp_full_match({letters}, {digits}) then {letters} end"
    )


def _currency(layout: Layout) -> str:
    own = quoted(layout.profile.currency)
    if "currency_code" not in layout.positions:
        return own
    text = "replace(upper(t_currency_code), '\u20ac', 'EUR')"
    known = ", ".join(quoted(code) for code in CURRENCIES)
    return f"case when t_currency_code is null then {own} when {text} in ({known}) then {text} end"


def _unit(layout: Layout) -> str:
    own = quoted(layout.profile.unit)
    if "unit_code" not in layout.positions:
        return own
    units = layout.profile.units
    if not units:
        return f"coalesce(t_unit_code, {own})"
    arms = " ".join(
        f"when lower(t_unit_code) = {quoted(name.strip().lower())} then {quoted(code)}"
        for name, code in units.items()
    )
    return f"case when t_unit_code is null then {own} {arms} end"


# --- judging ---


def check_profile(connection: duckdb.DuckDBPyConnection, profile: Profile, feed_code: str) -> None:
    """ConfigError if a pattern or date format that DuckDB is to use is not one that it has."""
    tests = [
        ("skip_rows", skipped.pattern, f"regexp_matches('', {quoted(skipped.pattern)})")
        for skipped in profile.skip_rows
    ]
    formats = [("date_format", profile.date_format), ("period.date_format", profile.period.date_format)]
    tests += [
        (setting, format_, f"try_strptime('', {quoted(format_)})") for setting, format_ in formats if format_
    ]
    for setting, value, sql in tests:
        try:
            connection.execute(f"select {sql}")
        except (duckdb.InvalidInputException, duckdb.BinderException) as error:
            raise ConfigError(
                "invalid_setting",
                f"{setting}: {value!r} cannot be used ({str(error).splitlines()[0]})",
                "write a pattern without look-around and back references, a format as for strptime",
                Place(file=f"feeds/{feed_code}.yml"),
            ) from error


def judge(
    connection: duckdb.DuckDBPyConnection,
    layout: Layout,
    keys: Keys,
    foreign: AbstractSet[str] = frozenset(),
) -> tuple[Judgement, ...]:
    """Make `judged`, `faults` and `spans`, and judge each file; `keys` are those of feeds that name
    customers, `foreign` are numbers of other partners (GLN, SIRET).

    UnprovenRows if the reader's table streams and is not what the reader expects.
    """
    columns = "*" if layout.table.expected_rows is not None else "0 as _file, *"
    connection.execute(f"create or replace temp view source_rows as select {columns} from raw")
    if layout.table.expected_rows is not None and _needs_joins(layout):
        layout = _pin_rows(connection, layout)
    _load_period_texts(connection, layout)
    if "customer" in layout.positions:
        if keys.partner is None:
            raise ValueError("a feed with customers is read with a key only")
        load_hashes(connection, _text(layout, layout.positions["customer"]), keys.partner)
    if layout.profile.names_businesses:
        if keys.business is None:
            raise ValueError("a feed with business customers is read with a key only")
        texts = [_known_text(layout, name) for name in BUSINESS_COLUMNS]
        load_business_hashes(connection, texts, keys.business)
    faults = _faults(layout, foreign)
    is_faulty = " or ".join(f"coalesce({fault.condition}, false)" for fault in faults)
    kept = ", ".join(_judged_columns(layout))
    _fill_from_source(
        connection,
        layout,
        "judged",
        f"select _file, _row, is_skipped, not is_skipped and (_malformed is not null or {is_faulty}) as "
        f"is_faulty, {kept} "
        f"from ({_typed_sql(layout, 'source_rows')})",
    )
    found = {
        file: Counts(*numbers)
        for file, *numbers in connection.execute(
            "select _file, count(*), count(*) filter (where is_skipped), count(*) filter (where is_faulty) "
            "from judged group by _file"
        ).fetchall()
    }
    counts = [found.get(file, Counts(0, 0, 0)) for file in range(len(layout.files))]
    reasons = _itemise_faults(connection, layout, faults, any(each.quarantined for each in counts))
    spans = _load_spans(connection, layout)
    return tuple(Judgement(each, reasons.get(file, {}), spans[file]) for file, each in enumerate(counts))


def _fill_from_source(connection: duckdb.DuckDBPyConnection, layout: Layout, name: str, query: str) -> None:
    """Make the relation `name` of a query over `source_rows`, with row numbers.

    The row id of a table that one statement fills without a join is the position in the source: this
    numbers the rows of a parallel scan, where a window function would have to run alone.
    """
    expected = layout.table.expected_rows
    try:
        connection.execute(f"create or replace temp table {name}_rows as {query}")
    except duckdb.InvalidInputException as error:
        if expected is None:
            raise
        raise UnprovenRows from error
    number = "_row"
    if expected is not None:
        found = connection.execute(
            f"select _file, min(rowid), max(rowid), count(*) from {name}_rows group by _file order by _file"
        ).fetchall()
        ends = list(accumulate(expected))
        if found != [(i, ends[i] - rows, ends[i] - 1, rows) for i, rows in enumerate(expected) if rows]:
            raise UnprovenRows
        number = f"rowid + {_first_row(layout)}"
    connection.execute(
        f"create or replace temp view {name} as select * replace ({number} as _row) from {name}_rows"
    )


def _first_row(layout: Layout) -> str:
    """SQL: what turns a position in a stream, from 0, into the number of the row in its file."""
    before = accumulate(layout.table.expected_rows or (), initial=0)
    return f"({_by_file([str(layout.table.header_row + 1 - rows) for rows in before][:-1])})"


def _known_text(layout: Layout, name: str) -> str:
    """SQL: the text of a canonical column, NULL where the file has none."""
    return _text(layout, layout.positions[name]) if name in layout.positions else "cast(null as varchar)"


def _needs_joins(layout: Layout) -> bool:
    """Whether judging joins tables of texts: a join does not keep the order of rows."""
    has_customers = "customer" in layout.positions or layout.profile.names_businesses
    return has_customers or _reads_period_texts(layout)


def _reads_period_texts(layout: Layout) -> bool:
    """Whether periods in a column are read text by text: those in words, and those of a fiscal calendar."""
    period = layout.profile.period
    is_read_by_sql = period.frequency in _TRUNCATED and not period.pattern
    return layout.period_position is not None and not is_read_by_sql


def _pin_rows(connection: duckdb.DuckDBPyConnection, layout: Layout) -> Layout:
    """Store a streamed table with its row numbers."""
    _fill_from_source(connection, layout, "pinned", "from source_rows")
    connection.execute("create or replace temp view source_rows as from pinned")
    return replace(layout, table=replace(layout.table, expected_rows=None))


def _judged_columns(layout: Layout) -> list[str]:
    """Columns of `judged` beside row and verdict: what a file lacks is not stored for each of its rows."""
    positions = layout.positions
    columns = ["period_start_date", "sale_date", "own_date"]
    columns += [name for name in ("gtin", "currency_code", "unit_code") if name in positions]
    columns += ["customer_key"] if "customer" in positions else []
    columns += ["business_customer_key"] if layout.profile.names_businesses else []
    columns += ["_part as source_column"] if layout.table.names_faults else []
    columns += [f"t_{name}" for name in _TEXTS if name in positions]
    columns += [f"n_{name}" for name in _METRICS if name in positions]
    return columns + [f"w_{column.position}" for column in layout.wide]


def _typed_sql(layout: Layout, source: str) -> str:
    """SQL: every source row with its texts (`t_`), values (`n_`, `w_` for wide columns) and dates."""
    profile = layout.profile
    texts = {name: _text(layout, position) for name, position in layout.positions.items()}
    texts |= {
        name: "cast(null as varchar)"
        for name in (*_TEXTS, *_METRICS, "gtin", "sale_date")
        if name not in texts
    }
    texts_sql = ", ".join(f"{sql} as t_{name}" for name, sql in texts.items())
    wide_texts = "".join(
        f", {_text(layout, column.position)} as wt_{column.position}" for column in layout.wide
    )
    period_text = (
        _text(layout, layout.period_position)
        if layout.period_position is not None
        else "cast(null as varchar)"
    )
    numbers = [f"{_metric(f't_{name}', name, profile)} as n_{name}" for name in _METRICS]
    numbers += [
        f"{_metric(f'wt_{column.position}', column.metric, profile)} as w_{column.position}"
        for column in layout.wide
    ]
    sale_date = (
        _date("t_sale_date", profile.date_format) if "sale_date" in layout.positions else "cast(null as date)"
    )
    period, own_date, join = _period_sql(layout)
    last = "period_texts.last_date" if _reads_period_texts(layout) else "cast(null as date)"
    customer = "cast(null as varchar)"
    if "customer" in layout.positions:
        customer = "customers.hash"
        join += " left join customers on customers.customer = t_customer"
    business = "cast(null as varchar)"
    if profile.names_businesses:
        business = "businesses.hash"
        join += " left join businesses on " + " and ".join(
            f"businesses.{name.removeprefix('customer_')} is not distinct from "
            + (f"t_{name}" if name in layout.positions else "null")
            for name in BUSINESS_COLUMNS
        )
    return f"""
        select *, {_currency(layout)} as currency_code, {_unit(layout)} as unit_code,
               {_gtin("t_gtin")} as gtin,
               {", ".join(numbers)}
        from (
            select texts.*, {_is_skipped(layout)} as is_skipped, {sale_date} as sale_date,
                   {own_date} as own_date, {period} as period_start_date, {last} as period_last_date,
                   {customer} as customer_key, {business} as business_customer_key
            from (select *, {texts_sql}{wide_texts}, {period_text} as t_period from {source}) as texts
            {join}
        )
    """


def _metric(text: str, metric: str, profile: Profile) -> str:
    if profile.number_affixes:
        affixes = "|".join(re.escape(affix) for affix in profile.number_affixes)
        bare = rf"(?i)^(?:{affixes})[\s{_SPACES}]*|[\s{_SPACES}]*(?:{affixes})$"
        text = f"regexp_replace({text}, {quoted(bare)}, '', 'g')"
    if metric == "net_amount":
        return _amount(text, profile)
    return _number(text, profile, QUANTITY)


def _is_skipped(layout: Layout) -> str:
    """SQL: rows that are no data: without any text, or declared by `skip_rows`."""
    texts = [f"t_{name}" for name in layout.positions] + [f"wt_{column.position}" for column in layout.wide]
    nothing_known = " and ".join(f"{text} is null" for text in texts)
    everything = ", ".join(f"c{i}" for i in range(len(layout.table.titles)))
    # The whole row is looked at only where nothing of interest stands in it.
    conditions = [
        f"case when {nothing_known} then trim(concat({everything}, _malformed), {quoted(_BLANKS)}) = '' "
        "else false end"
    ]
    conditions += [
        f"coalesce(regexp_matches({_text(layout, position)}, {quoted(skipped.pattern)}), false)"
        for position, skipped in zip(layout.skip_positions, layout.profile.skip_rows, strict=True)
    ]
    return " or ".join(f"({condition})" for condition in conditions)


def _period_sql(layout: Layout) -> tuple[str, str, str]:
    """SQL: first day of the row's period, the day its period cell names, and a join that these need."""
    period = layout.profile.period
    none = "cast(null as date)"
    if layout.spans:
        return _by_file([f"date '{span.start}'" for span in layout.spans]), none, ""
    if period.source == "header":
        return none, none, ""
    if _reads_period_texts(layout):
        own = none if period.pattern else "period_texts.own_date"
        return "period_texts.start_date", own, "left join period_texts on period_texts.text = t_period"
    own = _date("t_period", period.date_format or "")
    return f"cast(date_trunc('{period.frequency}', {own}) as date)", own, ""


def _load_period_texts(connection: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    """Periods written in words of their own, or fiscal ones: each distinct text is read once."""
    period = layout.profile.period
    if layout.period_position is None or not _reads_period_texts(layout):
        return
    day = "cast(null as date)" if period.pattern else _date("text", period.date_format or "")
    texts = connection.execute(
        f"select text, {day} from (select distinct {_text(layout, layout.period_position)} as text "
        "from source_rows) where text is not null"
    ).fetchall()
    found: list[tuple[str, date | None, Span]] = []
    for text, own in texts:
        span = span_of(own, period.frequency, period.calendar) if own is not None else None
        if period.pattern:
            span = span_from_text(text, period.pattern, period.frequency, period.date_format, period.calendar)
        found += [(text, own, span)] if span is not None else []
    table = pa.table(
        {
            "text": pa.array([text for text, _, _ in found], pa.string()),
            "own_date": pa.array([own for _, own, _ in found], pa.date32()),
            "start_date": pa.array([span.start for _, _, span in found], pa.date32()),
            "last_date": pa.array([span.end for _, _, span in found], pa.date32()),
        }
    )
    fill(connection, "period_texts", table)


def _faults(layout: Layout, foreign: AbstractSet[str]) -> list[_Fault]:
    """Every fault that a well-formed row of this layout can have, as a condition on the typed columns."""
    profile, positions = layout.profile, layout.positions
    number = _number_example(profile)
    faults: list[_Fault] = []

    def add(
        code: str, condition: str, column: str, value: str = "cast(null as varchar)", *expected: str
    ) -> None:
        reasons = [quoted(explain(code, column, text)) for text in expected or ("",)]
        faults.append(_Fault(code, condition, column, value, _by_file(reasons)))

    for name in _SENDER if foreign else ():
        if name in positions:
            numbers = ", ".join(quoted(number) for number in sorted(foreign))
            condition = f"regexp_replace(t_{name}, '[ .]', '', 'g') in ({numbers})"
            add("other_partner", condition, layout.title(name), f"t_{name}", profile.partner)
    named = [name for name in _PRODUCT if name in positions]
    no_product = " and ".join(f"t_{name} is null" for name in named)
    add("missing_product", no_product, ", ".join(layout.title(name) for name in named))
    if "gtin" in positions:
        others = "".join(f" and t_{name} is null" for name in named if name != "gtin")
        add("invalid_gtin", f"t_gtin is not null and gtin is null{others}", layout.title("gtin"), "t_gtin")

    metrics = [(name, layout.title(name), f"t_{name}", f"n_{name}") for name in _METRICS if name in positions]
    metrics += [
        (column.metric, column.title, f"wt_{column.position}", f"w_{column.position}")
        for column in layout.wide
    ]
    quantities = [(title, text) for name, title, text, _ in metrics if name in _QUANTITIES]
    if not profile.empty_is_zero:
        add(
            "missing_quantity",
            " and ".join(f"{text} is null" for _, text in quantities),
            ", ".join(title for title, _ in quantities[:6]) + (", …" if len(quantities) > 6 else ""),
        )
    for name, title, text, value in metrics:
        add("unparseable_number", f"{text} is not null and {value} is null", title, text, number)
        allowed = {
            "sold_quantity": profile.sold_is_net or profile.negative_sold_is_return,
            "returned_quantity": profile.returns_are_negative,
            "in_transit_quantity": False,
        }.get(name, True)
        if not allowed:
            keys = {
                "sold_quantity": "negative_sold_is_return, sold_is_net",
                "returned_quantity": "returns_are_negative",
            }
            add("negative_quantity", f"{value} < 0", title, text, keys.get(name, "it must not be"))

    _add_date_faults(layout, add)
    if "currency_code" in positions:
        add("unknown_currency", "currency_code is null", layout.title("currency_code"), "t_currency_code")
    if isinstance(profile.container, Excel):
        for name in (*_TEXTS, "gtin", "unit_code", "currency_code", "customer", *BUSINESS_COLUMNS):
            if name in positions:
                cell = f"t_{name}"
                add(
                    "error_cell",
                    f"starts_with({cell}, '#') and {cell} in {_ERROR_CELLS}",
                    layout.title(name),
                    cell,
                )
    if "unit_code" in positions:
        known = ", ".join(repr(name) for name in profile.units)
        add("unknown_unit", "unit_code is null", layout.title("unit_code"), "t_unit_code", known)
    return faults


def _add_date_faults(layout: Layout, add: _AddFault) -> None:
    profile, period = layout.profile, layout.profile.period
    if layout.period_position is not None:
        title = layout.table.titles[layout.period_position]
        add("missing_period", "t_period is null", title)
        add(
            "unparseable_period",
            "t_period is not null and period_start_date is null",
            title,
            "t_period",
            period.date_format or period.pattern or "",
        )
    if "sale_date" not in layout.positions:
        return
    title = layout.title("sale_date")
    if layout.positions["sale_date"] != layout.period_position:
        add("missing_date", "t_sale_date is null", title)
    add(
        "unparseable_date",
        "t_sale_date is not null and sale_date is null",
        title,
        "t_sale_date",
        profile.date_format,
    )
    if layout.spans:
        first = _by_file([f"date '{span.start}'" for span in layout.spans])
        last = _by_file([f"date '{span.end}'" for span in layout.spans])
        add(
            "outside_period",
            f"sale_date not between {first} and {last}",
            title,
            "t_sale_date",
            *(f"{span.start} to {span.end}" for span in layout.spans),
        )
    elif layout.period_position is not None:
        last = "period_last_date"
        if not _reads_period_texts(layout):
            last = f"period_start_date + interval 1 {period.frequency} - interval 1 day"
        add(
            "outside_period",
            f"sale_date < period_start_date or sale_date > {last}",
            title,
            "t_sale_date",
            f"the {_said(period.frequency)} in {layout.table.titles[layout.period_position]!r}",
        )


def _number_example(profile: Profile) -> str:
    return f"1{profile.thousands_mark}234{profile.decimal_mark}56"


def _itemise_faults(
    connection: duckdb.DuckDBPyConnection, layout: Layout, faults: Sequence[_Fault], any_faulty: bool
) -> dict[int, dict[str, int]]:
    """One row per fault, with the row's text; the conditions run again on the faulty rows only.

    Gives the number of faults by file and code.
    """
    connection.execute(
        "create or replace temp table faults (_file integer, source_row bigint, column_name varchar, "
        f"value varchar, reason_code varchar, reason varchar, raw_text varchar, quantity {QUANTITY}, "
        f"amount {MONEY})"
    )
    if not any_faulty:
        return {}
    numbered = "from source_rows"
    if layout.table.expected_rows is not None:
        numbered = (
            f"select * replace (row_number() over () - 1 + {_first_row(layout)} as _row) from source_rows"
        )
    connection.execute(
        f"create or replace temp table faulty as select numbered.* from ({numbered}) as numbered "
        "semi join (select _file, _row from judged where is_faulty) as bad using (_file, _row)"
    )
    connection.execute(f"create or replace temp table faulty_typed as {_typed_sql(layout, 'faulty')}")
    raw_text = _raw_text(layout)
    width = str(len(layout.table.titles))
    malformed = quoted(_WITHHELD) if layout.profile.names_people else f"left(_malformed, {_SHOWN_LENGTH})"
    found = f"null, 'malformed_row', {quoted(explain('malformed_row', '', width))}"
    if layout.table.names_faults:
        found = "nullif(_fault_value, ''), _fault, _fault_reason"
    # In a row that does not have the header's cells none is surely the one that its place says.
    connection.execute(
        f"insert into faults select _file, _row, null, {found}, {malformed}, null, null "
        "from faulty where _malformed is not null"
    )
    stake = ", ".join(_stake(layout))
    for fault in faults:
        connection.execute(
            f"insert into faults select _file, _row, {quoted(fault.column)}, "
            f"{_shown(layout, f'left({fault.value}, {_SHOWN_LENGTH})', MASK)}, "
            f"{quoted(fault.code)}, {fault.reason}, {_shown(layout, raw_text, _WITHHELD)}, {stake} "
            f"from faulty_typed where _malformed is null and {fault.condition}"
        )
    connection.execute("drop table faulty; drop table faulty_typed")
    reasons: dict[int, dict[str, int]] = {}
    for file, code, count in connection.execute(
        "select _file, reason_code, count(*) from faults group by all order by all"
    ).fetchall():
        reasons.setdefault(file, {})[code] = count
    return reasons


def _stake(layout: Layout) -> tuple[str, str]:
    """SQL: units and amount of a faulty row as far as its cells can be read, NULL where they cannot.

    Units are sold less returned; those on hand where the feed reports no sales.
    """
    profile = layout.profile

    def values(metric: str) -> list[str]:
        wide = [f"w_{column.position}" for column in layout.wide if column.metric == metric]
        return wide or ([f"n_{metric}"] if metric in layout.positions else [])

    sold, returned = values("sold_quantity"), values("returned_quantity")
    plus, minus = (sold, returned) if sold or returned else (values("on_hand_quantity"), [])
    signed = [*plus, *(f"-abs({value})" if profile.returns_are_negative else f"-{value}" for value in minus)]
    return _sum_of(signed, QUANTITY), _sum_of(values("net_amount"), MONEY)


def _sum_of(values: Sequence[str], type_: str) -> str:
    """SQL: the sum of those that are known, NULL where none is."""
    return f"cast(list_sum([{', '.join(values)}]) as {type_})" if values else f"cast(null as {type_})"


def _shown(layout: Layout, text: str, instead: str) -> str:
    """SQL: the text, or `instead` where the row may hold a person's name, address or number in a column that
    should not have one.

    Words where a number or a date belongs are cells in the wrong place: in feeds that name people nothing of
    such a row is shown.
    """
    if not layout.profile.names_people:
        return text
    values = [name for name in layout.positions if name in _METRICS or name == "sale_date"]
    cells = [f"t_{name}" for name in values] + [f"wt_{column.position}" for column in layout.wide]
    cells += ["t_period"] if layout.period_position is not None else []
    signs = [f"coalesce(regexp_matches({cell}, '\\p{{L}}[^0-9]*\\p{{L}}'), false)" for cell in cells]
    texts = [name for name in (*_TEXTS, "gtin", "unit_code", "currency_code") if name in layout.positions]
    signs += [f"coalesce({looks_personal_sql(f't_{name}')}, false)" for name in (*texts, *values)]
    return f"case when {' or '.join(signs)} then {quoted(instead)} else {text} end"


def _raw_text(layout: Layout) -> str:
    """SQL: the row's cells as text. Where people are named, cells that the profile does not know are masked
    too.
    """
    shown = set(range(len(layout.table.titles)))
    if layout.profile.names_people:
        shown = {position for name, position in layout.positions.items() if not name.startswith("customer")}
        shown |= {column.position for column in layout.wide}
        shown |= {layout.period_position} if layout.period_position is not None else set()
    cells = [
        f"coalesce(c{i}, '')" if i in shown else f"case when c{i} <> '' then {quoted(MASK)} else '' end"
        for i in range(len(layout.table.titles))
    ]
    return f"left(concat_ws({quoted(layout.table.separator)}, {', '.join(cells)}), {_SHOWN_LENGTH})"


def _load_spans(connection: duckdb.DuckDBPyConnection, layout: Layout) -> list[tuple[Span, ...]]:
    """`spans`: the periods that each file reports, with their keys and the day of lines without a date."""
    found: list[set[Span]] = [set() for _ in layout.files]
    if layout.spans:
        found = [{span} for span in layout.spans]
    elif layout.profile.period.source == "header":
        found = [{column.span for column in layout.wide if column.span} for _ in layout.files]
    else:
        period = layout.profile.period
        starts = connection.execute(
            "select distinct _file, period_start_date from judged where not is_skipped and not is_faulty"
        ).fetchall()
        for file, start in starts:
            found[file].add(span_of(start, period.frequency, period.calendar))
    # Plain values: Arrow would cost each of many small files more than its rows do.
    values = [
        f"({file}, date '{s.start}', date '{s.end}', date '{s.line_date}', date '{s.month}', {quoted(s.key)})"
        for file, spans in enumerate(found)
        for s in spans
    ]
    rows = f"values {', '.join(values)}" if values else f"select {', '.join(['null'] * 6)} where false"
    connection.execute(
        "create or replace temp table spans (_file integer, start_date date, end_date date, line_date date, "
        f"month_date date, period_key varchar); insert into spans {rows}"
    )
    return [tuple(sorted(spans)) for spans in found]


# --- values to canonical rows ---


def lines(layout: Layout, name: str, feed_code: str) -> Lines:
    """The good rows as rows of `sell_out` or `inventory`, in the order of files and periods."""
    profile, positions = layout.profile, layout.positions
    prefix = f"{profile.partner}|{feed_code}|"
    varying = {
        "slice_key": f"{quoted(prefix)} || period_key",
        "period_start_date": "start_date",
        "period_end_date": "end_date",
        "sale_date": "coalesce(sale_date, line_date)",
        "month_start_date": "month_date",
        "stock_date": "coalesce(sale_date, own_date, end_date)",
        "_source_column": "source_column",
        "_source_row": "_row",
        **{text: f"t_{text}" for text in _TEXTS},
        **{
            text: text
            for text in ("gtin", "currency_code", "unit_code", "customer_key", "business_customer_key")
        },
        **_quantities(profile),
    }
    constant: dict[str, object] = {"partner_code": profile.partner, "feed_code": feed_code}
    constant |= {text: None for text in ("gtin", *_TEXTS) if text not in positions}
    constant |= {"customer_key": None} if "customer" not in positions else {}
    constant |= {} if profile.names_businesses else {"business_customer_key": None}
    constant |= {"month_start_date": None} if "sale_date" in positions else {}
    constant |= {"currency_code": profile.currency} if "currency_code" not in positions else {}
    constant |= {"unit_code": profile.unit} if "unit_code" not in positions else {}
    has_parts = bool(layout.wide) or layout.table.names_faults
    constant |= {} if has_parts else {"_source_column": ""}
    if any(column.store for column in layout.wide):
        del constant["store_code"]
        varying["store_code"] = "cell_store"
    by_file = [constant] * len(layout.files)
    if layout.spans:
        by_file = [
            {
                "month_start_date": span.month,
                **constant,
                "slice_key": prefix + span.key,
                "period_start_date": span.start,
                "period_end_date": span.end,
            }
            for span in layout.spans
        ]
    target = entity("feeds", name)
    columns = ", ".join(
        f"cast({varying[column.name]} as {column.type}) as {column.name}"
        for column in target.all_columns
        if column.name in varying and column.name not in by_file[0]
    )
    reported, order = _is_reported(layout, name), _order(layout, target)
    query = f"select _file, {columns} from ({_cells(layout)}) where {reported} {order}"
    return Lines(query, tuple(by_file))


def _cells(layout: Layout) -> str:
    """SQL: good rows with one period each, and the metrics of that period as `n_…`."""
    good = "from judged where not is_skipped and not is_faulty"
    if not layout.wide:
        absent = "".join(
            f", cast(null as {_metric_type(name)}) as n_{name}"
            for name in _METRICS
            if name not in layout.positions
        )
        if layout.spans:
            # A join would cost each row more than a look at a list of few dates.
            end = _by_file([f"date '{span.end}'" for span in layout.spans])
            line = _by_file([f"date '{span.line_date}'" for span in layout.spans])
            return f"select *{absent}, {end} as end_date, {line} as line_date {good}"
        return (
            f"select cells.*{absent}, start_date, end_date, line_date, month_date, period_key "
            f"from (select * {good}) as cells "
            "join spans on cells._file = spans._file and period_start_date = start_date"
        )
    by_cell: dict[tuple[Span | None, str | None], dict[str, WideColumn]] = {}
    for column in layout.wide:
        by_cell.setdefault((column.span, column.store), {})[column.metric] = column
    structs = []
    for (span, store), metrics in by_cell.items():
        fields = [
            "'start': " + (f"date '{span.start}'" if span else "cast(null as date)"),
            "'store': " + (quoted(store) if store else "cast(null as varchar)"),
            f"'source_column': {quoted(next(iter(metrics.values())).title)}",
        ]
        for metric in _METRICS:
            value = f"w_{metrics[metric].position}" if metric in metrics else "null"
            fields.append(f"'n_{metric}': cast({value} as {_metric_type(metric)})")
        structs.append("{" + ", ".join(fields) + "}")
    on = "cells.period_start_date = start_date"
    if layout.spans:
        on = "true"
    elif layout.profile.period.source == "header":
        on = "cell.start = start_date"
    return (
        "select cells.*, cell.source_column, cell.store as cell_store, "
        f"{', '.join(f'cell.n_{metric} as n_{metric}' for metric in _METRICS)}, "
        "start_date, end_date, line_date, month_date, period_key "
        f"from (select *, unnest([{', '.join(structs)}]) as cell {good}) as cells "
        f"join spans on cells._file = spans._file and {on}"
    )


def _metric_type(metric: str) -> str:
    return MONEY if metric == "net_amount" else QUANTITY


def _quantities(profile: Profile) -> dict[str, str]:
    sold = "coalesce(n_sold_quantity, 0)"
    returned = "coalesce(n_returned_quantity, 0)"
    if profile.returns_are_negative:
        returned = f"abs({returned})"
    if profile.negative_sold_is_return:
        returned = f"{returned} + greatest(-{sold}, 0)"
        sold = f"greatest({sold}, 0)"
    on_hand = "coalesce(n_on_hand_quantity, 0)" if profile.empty_is_zero else "n_on_hand_quantity"
    return {
        "sold_quantity": sold,
        "returned_quantity": returned,
        "net_amount": "n_net_amount",
        "on_hand_quantity": on_hand,
        "in_transit_quantity": "n_in_transit_quantity",
    }


def _is_reported(layout: Layout, name: str) -> str:
    """SQL: whether a row says anything about the entity; an empty cell says nothing unless it means zero."""
    if layout.profile.empty_is_zero:
        return "true"
    if name == "sell_out":
        return "(n_sold_quantity is not null or n_returned_quantity is not null)"
    return "n_on_hand_quantity is not null"


def _order(layout: Layout, target: Entity) -> str:
    """Facts are kept in period order; the rows of a single period stay as they came."""
    if layout.spans:
        return "order by _file, _source_row" if _needs_joins(layout) else ""
    return f"order by _file, period_start_date, {target.date_column}, _source_row"
