"""Judging the rows of files: which are good, which are not, and which periods they report.

`judge` reads the relation `raw` that a reader left (see `connectors.feeds.table`), of one file or of several
of one feed, and leaves two tables: `judged`, one row per source row with typed values and whether it is
skipped or faulty; and `faults`, one row per fault with its reason. What belongs here: the order of the steps.
What does not: the steps, and decisions on whole files (`connectors.feeds.intake`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate

import duckdb

from connectors.errors import ConfigError, Place
from connectors.feeds.customers import BUSINESS_COLUMNS, Keys, load_business_hashes, load_hashes
from connectors.feeds.normalise.cells import first_row_sql, known_text_sql, text_sql
from connectors.feeds.normalise.dates import load_period_texts, load_spans
from connectors.feeds.normalise.evidence import itemise_faults
from connectors.feeds.normalise.faults import Fault, possible_faults
from connectors.feeds.normalise.layout import PRODUCT, Layout
from connectors.feeds.normalise.tables import second_tables
from connectors.feeds.normalise.typed import judged_columns, typed_sql
from connectors.feeds.periods import Span
from connectors.feeds.profile import Profile
from connectors.feeds.synonyms import SUBTOTALS
from connectors.feeds.table import UnprovenRows, quoted


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
    """What judging found in one file: how many rows are good, faults by code, its periods in order, and the
    row and titles of a second table below the first.
    """

    counts: Counts
    reasons: Mapping[str, int]
    spans: tuple[Span, ...]
    second_table: tuple[int, str] | None = None


def check_profile(connection: duckdb.DuckDBPyConnection, profile: Profile, feed_code: str) -> None:
    """ConfigError if a pattern or date format that DuckDB is to use is not one that it has."""
    tests = [
        (setting, rows.pattern, f"regexp_matches('', {quoted(rows.pattern)})")
        for setting in ("skip_rows", "return_rows")
        for rows in getattr(profile, setting)
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
    until: date | None = None,
) -> tuple[Judgement, ...]:
    """Make `judged`, `faults` and `spans`, and judge each file; `keys` are those of feeds that name
    customers, `foreign` are numbers of other partners (GLN, SIRET), `until` is the last day on which a
    period may begin.

    UnprovenRows if the reader's table streams and is not what the reader expects.
    """
    columns = "*" if layout.table.expected_rows is not None else "0 as _file, *"
    connection.execute(f"create or replace temp view source_rows as select {columns} from raw")
    if layout.table.expected_rows is not None and layout.needs_joins:
        layout = _pin_rows(connection, layout)
    load_period_texts(connection, layout)
    if "customer" in layout.positions:
        if keys.partner is None:
            raise ValueError("a feed with customers is read with a key only")
        load_hashes(connection, text_sql(layout, layout.positions["customer"]), keys.partner)
    if layout.profile.names_businesses:
        if keys.business is None:
            raise ValueError("a feed with business customers is read with a key only")
        texts = [known_text_sql(layout, name) for name in BUSINESS_COLUMNS]
        load_business_hashes(connection, texts, keys.business)
    faults = possible_faults(layout, foreign, until)
    _fill_judged(connection, layout, faults)
    if subtotals := _subtotals(connection, layout):
        faults = possible_faults(layout, foreign, until, subtotals)
        _fill_judged(connection, layout, faults)
    found = {
        file: Counts(*numbers)
        for file, *numbers in connection.execute(
            "select _file, count(*), count(*) filter (where is_skipped), count(*) filter (where is_faulty) "
            "from judged group by _file"
        ).fetchall()
    }
    counts = [found.get(file, Counts(0, 0, 0)) for file in range(len(layout.files))]
    reasons = itemise_faults(connection, layout, faults, any(each.quarantined for each in counts))
    spans = load_spans(connection, layout, until)
    others = second_tables(connection, layout) if reasons else {}
    return tuple(
        Judgement(each, reasons.get(file, {}), spans[file], others.get(file))
        for file, each in enumerate(counts)
    )


def _fill_judged(connection: duckdb.DuckDBPyConnection, layout: Layout, faults: Sequence[Fault]) -> None:
    is_faulty = " or ".join(f"coalesce({fault.condition}, false)" for fault in faults)
    _fill_from_source(
        connection,
        layout,
        "judged",
        f"select _file, _row, is_skipped, not is_skipped and (_malformed is not null or {is_faulty}) as "
        f"is_faulty, {', '.join(judged_columns(layout))} from ({typed_sql(layout, 'source_rows')})",
    )


def _subtotals(connection: duckdb.DuckDBPyConnection, layout: Layout) -> frozenset[str]:
    """Texts in place of a product's code that name the sum of the rows of another code of the same file."""
    found: set[str] = set()
    for name in (name for name in PRODUCT if name in layout.positions and name != "gtin"):
        codes = ", ".join(f"regexp_extract(text, {quoted(pattern)}, 1)" for pattern in SUBTOTALS)
        # Few codes hold a blank: the others are spared the patterns.
        sums = connection.execute(
            f"create or replace temp table sums as from (select _file, text, unnest([{codes}]) as code from "
            f"(select distinct _file, t_{name} as text from judged where not is_skipped and not is_faulty "
            f"and contains(t_{name}, ' '))) where code <> ''"
        ).fetchone()
        if sums and sums[0]:
            named = connection.execute(
                f"select text from sums semi join (select _file, t_{name} as code from judged where not "
                "is_skipped) as rows on sums._file = rows._file and sums.code = rows.code"
            )
            found.update(text for (text,) in named.fetchall())
    return frozenset(found)


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
        number = f"rowid + {first_row_sql(layout)}"
    connection.execute(
        f"create or replace temp view {name} as select * replace ({number} as _row) from {name}_rows"
    )


def _pin_rows(connection: duckdb.DuckDBPyConnection, layout: Layout) -> Layout:
    """Store a streamed table with its row numbers."""
    _fill_from_source(connection, layout, "pinned", "from source_rows")
    connection.execute("create or replace temp view source_rows as from pinned")
    return replace(layout, table=replace(layout.table, expected_rows=None))
