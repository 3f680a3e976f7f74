"""A profile bound to the titles of a file: which cell holds what.

What belongs here: canonical columns by kind, and finding them among titles. What does not: the meaning of
cells, and comparing titles (`connectors.feeds.table`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from connectors.errors import Place, RejectedFile
from connectors.feeds.periods import Span, Year, span_from_groups, span_from_text
from connectors.feeds.profile import Frequency, Profile
from connectors.feeds.table import RawTable, collapse, fold, locate

SENDER: Final = ("partner_gln", "partner_siret")
PRODUCT: Final = ("product_code", "gtin", "partner_product_code")
STORE: Final = ("store_code", "store_name", "store_gln", "store_siret")
TEXTS: Final = (
    *STORE,
    "store_address",
    "store_city",
    "postal_code",
    "partner_product_code",
    "product_code",
    "product_label",
    "transaction_id",
    "message_reference",
    "document_number",
)
METRICS: Final = (
    "sold_quantity",
    "returned_quantity",
    "net_amount",
    "returned_amount",
    "on_hand_quantity",
    "in_transit_quantity",
)
QUANTITIES: Final = ("sold_quantity", "returned_quantity", "on_hand_quantity")
_YEAR: Final = r"(?<!\d)(?P<year>20\d{2})(?!\d)"
_SHOWN_TEXT: Final = 200
_RENAME: Final = (
    "rename the file after the period that it reports, or correct 'period.pattern' in the profile"
)
_TRUNCATED: Final = frozenset({"day", "week", "month", "quarter"})
"""Frequencies whose period of a day SQL finds by itself."""


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

    `spans` are the periods that the files' names, or the text above the header, spell, one per file; empty
    where the profile reads them elsewhere. `year_of` gives the year of periods in a column.
    """

    profile: Profile
    table: RawTable
    files: tuple[str, ...]
    positions: Mapping[str, int]
    period_position: int | None
    skip_positions: tuple[int, ...]
    return_positions: tuple[int, ...]
    wide: tuple[WideColumn, ...]
    spans: tuple[Span, ...]
    year_of: Year | None = None

    def title(self, column: str) -> str:
        """The title, in the file, of a canonical column."""
        return self.table.titles[self.positions[column]]

    @property
    def reads_period_texts(self) -> bool:
        """Whether periods in a column are read text by text: in words, or of a fiscal calendar."""
        period = self.profile.period
        is_read_by_sql = period.frequency in _TRUNCATED and not period.pattern
        return self.period_position is not None and not is_read_by_sql

    @property
    def needs_joins(self) -> bool:
        """Whether judging joins tables of texts: a join does not keep the order of rows."""
        has_customers = "customer" in self.positions or self.profile.names_businesses
        return has_customers or self.reads_period_texts


def file_span(profile: Profile, file: str, received: date | None) -> Span | None:
    """The period that the file's name spells, where the profile reads it there; RejectedFile if it spells
    none. `received` is the day on which the file came, needed where that gives the year.
    """
    period = profile.period
    if period.source != "file_name":
        return None
    name = file.rpartition("/")[2]
    span = span_from_text(
        name,
        period.pattern or "",
        period.frequency,
        period.date_format,
        period.calendar,
        _year_of(profile, (), file, received),
    )
    if span is None:
        wanted = in_words(period.frequency) + _of_a_clear_year(profile, received)
        spelled = re.search(period.pattern or "", name, re.IGNORECASE)
        raise RejectedFile(
            "unknown_period",
            f"the file's name names no real {wanted} ({spelled[0]!r})"
            if spelled
            else f"the file's name names no {wanted} by the pattern {period.pattern!r}",
            "rename the file as agreed, or correct 'period.pattern' in the profile",
            Place(file=file),
        )
    return span


def above_span(profile: Profile, table: RawTable, file: str, received: date | None) -> Span | None:
    """The period that the text above the header spells, where the profile reads it there; RejectedFile if it
    spells none, or several.
    """
    period, pattern = profile.period, profile.period.pattern
    if period.source != "above" or pattern is None:
        return None
    year_of = _year_of(profile, table.above, file, received)
    matches = [match for text in table.above for match in re.finditer(pattern, text, re.IGNORECASE)]
    found = {
        span_from_groups(match.groupdict(), period.frequency, period.date_format, period.calendar, year_of)
        for match in matches
    }
    (span, *others) = found or {None}
    if span is not None and not others:
        return span
    wanted = in_words(period.frequency) + _of_a_clear_year(profile, received)
    shown = ", ".join(dict.fromkeys(repr(match[0]) for match in matches))
    if len(found) > 1:
        problem = f"the text above the header names several periods ({shown}), not one {wanted}"
    elif matches:
        problem = f"the text above the header names no real {wanted} ({shown})"
    else:
        text = " / ".join(filter(None, table.above))[:_SHOWN_TEXT] or "nothing"
        problem = f"the text above the header names no {wanted} by the pattern {pattern!r}; found: {text}"
    raise RejectedFile(
        "unknown_period",
        problem,
        "ask the partner to write it as agreed, or correct 'period' in the profile",
        Place(file=file, row=1),
    )


def _year_of(profile: Profile, above: Sequence[str], file: str, received: date | None) -> Year | None:
    """What gives the year of periods without one; RejectedFile if the file states none, or several."""
    period = profile.period
    if period.year is None or received is None:
        return None
    if period.year == "received":
        return Year(received)
    texts, where = (above, "the text above the header")
    if period.year == "file_name":
        texts, where = ([file.rpartition("/")[2]], "the file's name")
    pattern = period.year_pattern or _YEAR
    years = {int(match["year"]) for text in texts for match in re.finditer(pattern, text, re.IGNORECASE)}
    if len(years) == 1:
        return Year(received, years.pop())
    stated = f"several years ({', '.join(map(str, sorted(years)))})" if years else "no year"
    raise RejectedFile(
        "unknown_period",
        f"{where} names {stated}, and periods are named without theirs",
        "ask the partner to write the year once, or say by 'period.year_pattern' where it stands",
        Place(file=file),
    )


def _of_a_clear_year(profile: Profile, received: date | None) -> str:
    """What a message adds where the day on which a file came gives the year."""
    if profile.period.year != "received" or received is None:
        return ""
    return f" that ended in the nine months before the file came on {received}"


def refuse_future(
    span: Span, until: date, file: str, where: str = "the file's name", remedy: str = _RENAME
) -> None:
    """RejectedFile if the period that the file's name, or another place, spells begins after `until`."""
    if span.start > until:
        raise RejectedFile(
            "future_period",
            f"{where} spells {span.key}, which begins on {span.start} and has not begun",
            remedy,
            Place(file=file),
        )


def bind(profile: Profile, table: RawTable, *files: str, received: date | None = None) -> Layout:
    """Find the profile's columns among the titles of the files, and the periods that these spell;
    RejectedFile names what is missing. `received` is the day on which a file came that is read alone.
    """
    file, row, titles = files[0], table.header_row, table.titles
    if profile.names_people and not _is_header(profile, titles):
        # A wrong header row would put the first row of data into the message.
        raise RejectedFile(
            "missing_header",
            "hardly any column of the profile is among the titles (not shown: they may name a customer)",
            "ask the partner for the agreed layout, or correct 'columns' or 'header_row' in the profile",
            Place(file=file, row=row),
        )

    def place(title: str) -> int:
        return locate(title, titles, file, row, profile.others(title))

    positions = {name: place(title) for name, title in profile.columns.named().items()}
    period = profile.period
    return Layout(
        profile=profile,
        table=table,
        files=files,
        positions=positions,
        period_position=place(period.header) if period.source == "column" and period.header else None,
        skip_positions=tuple(place(rows.header) for rows in profile.skip_rows),
        return_positions=tuple(place(rows.header) for rows in profile.return_rows),
        wide=_wide_columns(profile, table, frozenset(positions.values()), file, received),
        spans=tuple(
            span
            for name in files
            if (span := file_span(profile, name, received) or above_span(profile, table, name, received))
        ),
        year_of=_year_of(profile, table.above, file, received) if period.source == "column" else None,
    )


def _is_header(profile: Profile, titles: Sequence[str]) -> bool:
    """Whether at least half of the columns that the profile names are there."""
    present = {fold(title) for title in titles}
    wanted = set(profile.columns.named().values())
    found = [title for title in wanted if present & {fold(name) for name in (title, *profile.others(title))}]
    return 2 * len(found) >= len(wanted)


def _wide_columns(
    profile: Profile, table: RawTable, taken: frozenset[int], file: str, received: date | None
) -> tuple[WideColumn, ...]:
    found: dict[tuple[str, Span | None, str | None], WideColumn] = {}
    period = profile.period
    year_of = _year_of(profile, table.above, file, received) if profile.wide else None
    for entry in profile.wide:
        before = len(found)
        for position, title in enumerate(table.titles):
            match = re.search(entry.pattern, collapse(title), re.IGNORECASE)
            if match is None or position in taken:
                continue
            groups = match.groupdict()
            span = None
            if period.source == "header":
                span = span_from_groups(
                    groups, period.frequency, period.date_format, period.calendar, year_of
                )
                if span is None:
                    wanted = in_words(period.frequency) + _of_a_clear_year(profile, received)
                    raise RejectedFile(
                        "unknown_period",
                        f"the title names no real {wanted}",
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
        if year_of is not None:
            _refuse_another_year(list(found.values())[before:], table, file)
    return tuple(found.values())


def _refuse_another_year(columns: Sequence[WideColumn], table: RawTable, file: str) -> None:
    """RejectedFile where titles go on from December to January: they are not all of one year."""
    dated = [(column.span.start, column) for column in columns if column.span is not None]
    ups = [later for (before, _), (after, later) in pairwise(dated) if after > before]
    downs = [later for (before, _), (after, later) in pairwise(dated) if after < before]
    if ups and downs:
        turn = min(ups, downs, key=len)[0]
        raise RejectedFile(
            "unknown_period",
            "the titles name periods out of their order: they may go on into another year",
            "ask the partner to write the year into the titles (S18/2026)",
            Place(file=file, row=table.header_row, column=turn.title),
        )


def in_words(frequency: Frequency) -> str:
    """A frequency as messages say it."""
    return frequency.replace("_", " ")
