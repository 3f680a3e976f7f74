"""What an EDI file says, as it is read: its messages, what their heads hold, and how a family writes them.

What belongs here: the vocabulary that both families and all steps of reading share, and the days that name a
period. What does not: reading (`reader`, `runs`, `blocks`), and the segments of one family
(`connectors.feeds.edifact`, `connectors.feeds.x12`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from connectors.company import Calendar
from connectors.feeds.periods import DAYS, EARLIEST_YEAR, LATEST_YEAR, span_of
from connectors.feeds.profile import Frequency, Function

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.feeds.edi.positions import Positions
    from connectors.feeds.edi.reader import Reader

FIGURES: Final = ("sold_quantity", "returned_quantity", "on_hand_quantity", "in_transit_quantity")
STOCK_REPORTS: Final = frozenset({"INVRPT"})
"""Types of messages that say nothing of sales."""


@dataclass(frozen=True)
class Product:
    """What the segments of one line say about its product."""

    gtin: str | None = None
    product_code: str | None = None
    partner_product_code: str | None = None
    label: str | None = None
    is_unread: bool = False
    """Whether it is named, and only under qualifiers that are not read."""


@dataclass(frozen=True)
class Dates:
    """First and last day that a date segment names; `raw` as it stood where it names none."""

    start: date | None
    end: date | None
    raw: str


@dataclass
class Message:
    """One message of a file, as far as it is read."""

    number: int
    segment: int
    reference: str
    kind: str = ""
    document: str = ""
    function_code: str = ""
    function: Function = "original"
    references: list[str] = field(default_factory=list)
    fault: str | None = None
    fault_value: str | None = None
    document_segment: int = 0
    lines: int = 0
    groups: int = 0
    is_closed: bool = False
    period: str | None = None
    date_names: tuple[str, ...] = ()
    """Qualifiers of the dates that its head holds."""
    interchange: str = ""
    interchange_segment: int = 0
    """Where its interchange begins: two of a file may bear one reference."""
    is_other: bool = False
    """Whether it is of a type that the feed does not hold."""
    hash_totals: list[tuple[int, str, str]] = field(default_factory=list)
    """Sums of quantities that the message states: segment, tag, text."""
    quantity_total: Decimal = Decimal(0)
    returned_total: Decimal = Decimal(0)
    digit_total: int = 0
    """The sum of quantities without regard to decimal points and signs, as X12 hashes them."""
    sender: str | None = None
    """The number of who reports: a party of the message, else the interchange's sender."""
    is_sender_named: bool = False

    def name_sender(self, number: str) -> None:
        """Take the first party that may be the sender at its word."""
        if number and not self.is_sender_named:
            self.sender, self.is_sender_named = number, True

    @property
    def corrected(self) -> tuple[str, ...]:
        """Document numbers that a replacement or a cancellation is about."""
        return tuple(dict.fromkeys(filter(None, (*self.references, self.document))))

    @property
    def brings_rows(self) -> bool:
        return self.fault is None and not self.is_other and self.function not in ("cancel", "copy")

    def break_off(self, code: str, value: str | None = None) -> None:
        """Mark the message as faulty; the first fault stands."""
        if self.fault is None:
            self.fault, self.fault_value = code, value


@dataclass
class Head:
    """What the segments outside the detail say at one point of the file."""

    message: Message | None = None
    interchange: str = ""
    sender: str | None = None
    interchange_segment: int = 0
    is_test: bool = False
    is_closed: bool = True
    interchange_from: int = 0
    """How many messages the file had before this interchange; `group_from` before this group."""
    group: str = ""
    group_from: int = 0
    groups_in_interchange: int = 0
    store: str | None = None
    currency: str | None = None
    transaction: str | None = None
    dates: dict[str, Dates] = field(default_factory=dict)
    store_dates: dict[str, Dates] = field(default_factory=dict)


@dataclass(frozen=True)
class Grammar:
    """How one family writes what both have. Tags are upper-case."""

    opens: str
    closes: str
    ends: frozenset[str]
    groups: frozenset[str]
    lines: frozenset[str]
    quantity: frozenset[str]
    date: str
    price: Mapping[str, int]
    """Tag of a price: position of the element that holds it; its qualifier is one before."""
    price_component: int
    price_basis: Mapping[str, int]
    """Code of what a price is of, in the element after it: how many units."""
    amount: str
    reference: str
    product: tuple[str, ...]
    """Tags that describe the product, the line itself first."""
    pairs: frozenset[str]
    """Tags that spread a quantity over pairs of store and quantity."""
    composite: bool
    """Whether qualifier and value are components of one element."""
    item: str | None = None
    """Qualifier of a quantity that a line states itself: a quantity segment of the line goes before it."""
    parties: frozenset[str] = frozenset()
    """Tags of a party's name and address, which `Family.unfold` must see together."""


class Family(Protocol):
    """What `edifact` and `x12` bring."""

    grammar: Grammar

    @property
    def period_dates(self) -> tuple[str, ...]: ...

    def unfold(self, numbers: Positions, texts: pa.StringArray) -> tuple[Positions, pa.StringArray]:
        """Segments as the steps after it read them: one fact each, a party with its address."""

    def read_head(self, reader: Reader, number: int, tag: str, elements: list[str]) -> None: ...

    def read_date(self, segment: str) -> tuple[str, Dates]: ...

    def read_product(self, segments: Sequence[str]) -> Product: ...

    def quantity_meaning(self, qualifier: str, group: str | None) -> str:
        """What `meaning_of` says of a quantity in a transfer of the type `group`, or `fault`."""


def meaning_of(
    qualifier: str, figures: Mapping[str, str], ignored: Collection[str], standard: Collection[str]
) -> str:
    """The figure of a quantity, or `other` where the profile leaves it out, `unread` where only the standard
    knows it, `unknown`.
    """
    if qualifier in figures:
        return figures[qualifier]
    if qualifier in ignored:
        return "other"
    return "unread" if qualifier in standard else "unknown"


def product_of(
    named: Iterable[tuple[str, str]], preferred: Mapping[str, str], standard: Mapping[str, str]
) -> Product:
    """The product of pairs of qualifier (upper-case) and code; of several for one identifier the first,
    those under the profile's `preferred` qualifiers before the standard's.
    """
    pairs = [(kind, code) for kind, code in named if code]
    found: dict[str, str] = {}
    for kind, code in (*((k, c) for k, c in pairs if k in preferred), *pairs):
        name = preferred.get(kind) or standard.get(kind)
        if name:
            found.setdefault(name, code)
    is_unread = any(standard.get(kind) != "label" for kind, _ in pairs) and not found.keys() - {"label"}
    return Product(**found, is_unread=is_unread)


# --- dates ---


def day_of(text: str) -> date | None:
    """The day that eight digits, or six with the year's last two, spell."""
    digits = text if len(text) >= 8 else f"20{text}"
    if not re.fullmatch(r"\d{8}", digits[:8]):
        return None
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
    return day if EARLIEST_YEAR <= day.year <= LATEST_YEAR else None


def period_day(start: date, end: date, frequency: Frequency, calendar: Calendar | None = None) -> date | None:
    """The day that names the period of a range: its end, or else its middle; None if it is no such period.

    Partners' weeks may begin on any day: a range counts in the period that holds most of it.
    """
    shortest, longest = DAYS[frequency]
    length = (end - start).days + 1
    if start == end:
        return end
    if not shortest <= length <= longest:
        return None
    middle = start + timedelta(days=length // 2)
    is_one = span_of(end, frequency, calendar) == span_of(middle, frequency, calendar)
    return end if is_one else middle
