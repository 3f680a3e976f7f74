"""Texts to days and periods, in SQL, and the periods that files report.

What belongs here: which day or period a cell names. What does not: what a period is
(`connectors.feeds.periods`), and titles that name one (`layout`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Final

import duckdb
import pyarrow as pa

from connectors.errors import Place, RejectedFile
from connectors.feeds.months import in_english_format, in_english_sql, names_months
from connectors.feeds.normalise.cells import by_file, text_sql
from connectors.feeds.normalise.layout import Layout
from connectors.feeds.periods import EARLIEST_YEAR, LATEST_YEAR, Span, Year, span_from_text, span_of
from connectors.feeds.profile import EXCEL_1900, EXCEL_1904, Period
from connectors.feeds.table import fill, quoted

# Excel counts a 29 February 1900 that never was: from this day on all later ones are right.
_EPOCHS: Final = {EXCEL_1900: "1899-12-30", EXCEL_1904: "1904-01-01"}


_EXAMPLE: Final = date(2026, 12, 31)
_GROUPS: Final = {"week": "53", "month": "12", "day": "31", "quarter": "4", "period": "12"}
_GROUP: Final = re.compile(r"\(\?P<(\w+)>[^()]*\)")


def date_example(date_format: str) -> str:
    """The last day of 2026 as the profile announces days, for messages."""
    if date_format in _EPOCHS:
        return str((_EXAMPLE - date.fromisoformat(_EPOCHS[date_format])).days)
    return datetime.combine(_EXAMPLE, time(12)).strftime(date_format)


def period_example(period: Period) -> str:
    """The last period of 2026 as the profile announces periods, for messages; a pattern that allows for much
    stands for itself.
    """
    if period.pattern is None:
        return date_example(period.date_format or "%Y-%m-%d")
    day = date_example(period.date_format) if period.date_format else ""
    for year in ("2026", "26"):
        example = _spelled(period.pattern, {**_GROUPS, "year": year, "date": day})
        span = span_from_text(
            example,
            period.pattern,
            period.frequency,
            period.date_format,
            period.calendar,
            Year(_EXAMPLE) if period.year else None,
        )
        if span is not None and span.end.year >= _EXAMPLE.year:
            return example
    return period.pattern


def _spelled(pattern: str, values: Mapping[str, str]) -> str:
    """The pattern with values in place of its named groups."""
    return _GROUP.sub(lambda group: values.get(group[1], ""), pattern.strip("^$"))


def date_sql(text: str, date_format: str) -> str:
    """SQL: the text as a day by the profile's format; NULL if it is none, or in no plausible year."""
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


def period_sql(layout: Layout) -> tuple[str, str, str]:
    """SQL: first day of the row's period, the day its period cell names, and a join that these need."""
    period = layout.profile.period
    none = "cast(null as date)"
    if layout.spans:
        return by_file([f"date '{span.start}'" for span in layout.spans]), none, ""
    if period.source == "header":
        return none, none, ""
    if layout.reads_period_texts:
        own = none if period.pattern else "period_texts.own_date"
        return "period_texts.start_date", own, "left join period_texts on period_texts.text = t_period"
    own = date_sql("t_period", period.date_format or "")
    return f"cast(date_trunc('{period.frequency}', {own}) as date)", own, ""


def load_period_texts(connection: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    """Periods written in words of their own, or fiscal ones: each distinct text is read once."""
    period = layout.profile.period
    if layout.period_position is None or not layout.reads_period_texts:
        return
    day = "cast(null as date)" if period.pattern else date_sql("text", period.date_format or "")
    texts = connection.execute(
        f"select text, {day} from (select distinct {text_sql(layout, layout.period_position)} as text "
        "from source_rows) where text is not null"
    ).fetchall()
    found: list[tuple[str, date | None, Span]] = []
    for text, own in texts:
        span = span_of(own, period.frequency, period.calendar) if own is not None else None
        if period.pattern:
            span = span_from_text(
                text, period.pattern, period.frequency, period.date_format, period.calendar, layout.year_of
            )
        if span is not None and (layout.year_of is None or layout.year_of.has_begun(span)):
            found.append((text, own, span))
    table = pa.table(
        {
            "text": pa.array([text for text, _, _ in found], pa.string()),
            "own_date": pa.array([own for _, own, _ in found], pa.date32()),
            "start_date": pa.array([span.start for _, _, span in found], pa.date32()),
            "last_date": pa.array([span.end for _, _, span in found], pa.date32()),
        }
    )
    fill(connection, "period_texts", table)


def load_spans(
    connection: duckdb.DuckDBPyConnection, layout: Layout, until: date | None
) -> list[tuple[Span, ...]]:
    """`spans`: the periods that each file reports, with their keys and the day of lines without a date.

    RejectedFile if a title names a period that begins after `until`, with figures below it.
    """
    found: list[set[Span]] = [set() for _ in layout.files]
    if layout.spans:
        found = [{span} for span in layout.spans]
    elif layout.profile.period.source == "header":
        found = _titled_spans(connection, layout, until)
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


def _titled_spans(
    connection: duckdb.DuckDBPyConnection, layout: Layout, until: date | None
) -> list[set[Span]]:
    """The periods that the titles of a wide report name, by file, without those that it says nothing of: a
    template has a column for each week of the year. A file without rows reports zero for all that have begun.
    """
    columns = [(column, column.span) for column in layout.wide if column.span]
    is_zero = layout.profile.empty_is_zero
    figures = "".join(f", count(w_{c.position}), count_if(w_{c.position} <> 0)" for c, _ in columns)
    counted = {
        file: (rows, numbers[::2], numbers[1::2])
        for file, rows, *numbers in connection.execute(
            f"select _file, count(*), {figures.removeprefix(', ')} from judged where not is_skipped and not "
            "is_faulty group by _file"
        ).fetchall()
    }
    found: list[set[Span]] = []
    for file, name in enumerate(layout.files):
        rows, cells, others = counted.get(file, (0, [0] * len(columns), [0] * len(columns)))
        spans = set()
        for (column, span), filled, sold in zip(columns, cells, others, strict=True):
            has_begun = until is None or span.start <= until
            if sold and not has_begun:
                raise RejectedFile(
                    "future_period",
                    f"the title names {span.key}, which begins on {span.start} and has not begun",
                    "ask the partner to correct it, or correct 'wide.pattern' in the profile",
                    Place(file=name, row=layout.table.header_row, column=column.title),
                )
            if has_begun and (filled or not rows or is_zero):
                spans.add(span)
        found.append(spans)
    return found
