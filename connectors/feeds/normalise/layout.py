"""A profile bound to the titles of a file: which cell holds what.

What belongs here: canonical columns by kind, and finding them among titles. What does not: the meaning of
cells, and comparing titles (`connectors.feeds.table`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from connectors.errors import Place, RejectedFile
from connectors.feeds.periods import Span, span_from_groups, span_from_text
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
    "on_hand_quantity",
    "in_transit_quantity",
)
QUANTITIES: Final = ("sold_quantity", "returned_quantity", "on_hand_quantity")
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

    `spans` are the periods that the files' names spell, one per file; empty where the profile reads them
    elsewhere.
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
        wanted = in_words(period.frequency)
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


def refuse_future(span: Span, until: date, file: str) -> None:
    """RejectedFile if the period that the file's name spells begins after `until`."""
    if span.start > until:
        raise RejectedFile(
            "future_period",
            f"the file's name spells {span.key}, which begins on {span.start} and has not begun",
            "rename the file after the period that it reports, or correct 'period.pattern' in the profile",
            Place(file=file),
        )


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
        wide=_wide_columns(profile, table, frozenset(positions.values()), file),
        spans=tuple(span for name in files if (span := file_span(profile, name))),
    )


def _is_header(profile: Profile, titles: Sequence[str]) -> bool:
    """Whether at least half of the columns that the profile names are there."""
    present = {fold(title) for title in titles}
    wanted = set(profile.columns.named().values())
    found = [title for title in wanted if present & {fold(name) for name in (title, *profile.others(title))}]
    return 2 * len(found) >= len(wanted)


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
                        f"the title names no real {in_words(period.frequency)}",
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


def in_words(frequency: Frequency) -> str:
    """A frequency as messages say it."""
    return frequency.replace("_", " ")
