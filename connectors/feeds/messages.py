"""From EDI segments to the rows of a report: what both families share.

A message is a head, then groups of detail segments (a line, or a transfer), then a trailer. Heads and
trailers are few and are read one by one; the detail is worked through run by run in arrays and in SQL. A
group is cut into blocks, one per store and date it names; each block is one row of the report. A segment that
names a store or a date stands before the quantities it qualifies for one sender and after them for another:
the last such segment of the group tells, since one of both ends it.

The result is the relation `raw` of `connectors.feeds.table`, with canonical titles. `_row` is the number of
the block's first quantity segment (of the line where it has none), `_part` the pair within an SDQ segment.
What belongs here: messages, blocks, functions, control totals. What does not: separators (`segments`), the
segments of one family (`edifact`, `x12`), the meaning of numbers and dates (`normalise`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import Place, RejectedFile
from connectors.feeds.normalise import file_span
from connectors.feeds.periods import EARLIEST_YEAR, LATEST_YEAR, Span, span_of
from connectors.feeds.profile import X12, Edi, Edifact, Frequency, Function, Profile
from connectors.feeds.reasons import explain
from connectors.feeds.segments import COMPONENT, ELEMENT, Segments, Separators, read_segments
from connectors.feeds.table import RawTable, fill, quoted

_CELLS: Final = (
    "sold_quantity",
    "returned_quantity",
    "on_hand_quantity",
    "in_transit_quantity",
    "net_amount",
    "currency_code",
    "unit_code",
    "store_code",
    "period",
    "sale_date",
    "gtin",
    "product_code",
    "partner_product_code",
    "product_label",
    "transaction_id",
)
_Positions = npt.NDArray[np.int64]
_FIGURES: Final = ("sold_quantity", "returned_quantity", "on_hand_quantity", "in_transit_quantity")
_LARGEST_LINE: Final = 1 << 22
_FINDINGS_KEPT: Final = 20
_RANGE_DAYS: Final = {"day": (1, 1), "week": (2, 7), "month": (27, 35)}


class Known(Protocol):
    """What the ledger knows of a feed's documents."""

    def has_come(self, document: str, period_key: str) -> bool:
        """Whether a report of that number has brought that period, whatever became of it."""

    def is_reported(self, period_key: str) -> bool:
        """Whether that period has a live report."""

    def is_live(self, document: str) -> bool:
        """Whether a report of that number is live in any period."""


class NothingKnown:
    """The ledger of a feed that has not reported yet."""

    def has_come(self, document: str, period_key: str) -> bool:
        return False

    def is_reported(self, period_key: str) -> bool:
        return False

    def is_live(self, document: str) -> bool:
        return False


@dataclass(frozen=True)
class Product:
    """What the segments of one line say about its product."""

    gtin: str | None = None
    product_code: str | None = None
    partner_product_code: str | None = None
    label: str | None = None


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
    interchange: str = ""

    @property
    def corrected(self) -> tuple[str, ...]:
        """Document numbers that a replacement or a cancellation is about."""
        return tuple(dict.fromkeys(filter(None, (*self.references, self.document))))

    def break_off(self, code: str, value: str | None = None) -> None:
        """Mark the message as faulty; the first fault stands."""
        if self.fault is None:
            self.fault, self.fault_value = code, value


@dataclass
class Head:
    """What the segments outside the detail say at one point of the file."""

    message: Message | None = None
    interchange: str = ""
    interchange_segment: int = 0
    is_test: bool = False
    is_closed: bool = True
    messages_in_interchange: int = 0
    group: str = ""
    messages_in_group: int = 0
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
    amount: str
    reference: str
    product: tuple[str, ...]
    """Tags that describe the product, the line itself first."""
    composite: bool
    """Whether qualifier and value are components of one element."""


class Family(Protocol):
    """What `edifact` and `x12` bring."""

    grammar: Grammar

    @property
    def period_dates(self) -> tuple[str, ...]: ...

    def read_head(self, reader: Reader, number: int, tag: str, elements: list[str]) -> None: ...

    def read_date(self, segment: str) -> tuple[str, Dates]: ...

    def read_product(self, segments: Sequence[str]) -> Product: ...

    def quantity_meaning(self, qualifier: str, group: str | None) -> str: ...


Mode = Literal["slice", "none"]
"""What a document does to the live reports of its periods: supersede them all, or stand beside them."""


@dataclass(frozen=True)
class Retirement:
    """A document that a message of this file takes back, in the periods named (all when empty)."""

    message: int
    document: str
    period_keys: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """A report by EDI as loaded: its table, its messages in order, and what its trailers disagree on."""

    table: RawTable
    messages: tuple[Message, ...]
    findings: tuple[str, ...]
    checks_passed: int
    checks_failed: int
    modes: Mapping[str, Mode]
    retired: tuple[Retirement, ...]
    silent: tuple[Span, ...]
    """Periods that a message reports without any line: reported zeros."""

    def supersedes(self, document: str) -> bool:
        """Whether a document ends what is live of its periods."""
        return self.modes.get(document, "slice") == "slice"

    @property
    def only_corrects(self) -> bool:
        """Whether the file holds cancellations and copies only: without a row of its own it is right."""
        return bool(self.messages) and all(
            message.fault is None and message.function in ("cancel", "copy") for message in self.messages
        )

    @property
    def totals(self) -> dict[str, str]:
        """What the ledger keeps of the control totals."""
        totals = {
            "messages": str(len(self.messages)),
            "controls_passed": str(self.checks_passed),
            "controls_failed": str(self.checks_failed),
        }
        return totals | {f"control_{i + 1:02d}": text for i, text in enumerate(self.findings)}


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


def period_day(start: date, end: date, frequency: Frequency) -> date | None:
    """The day that names the period of a range: its end, or else its middle; None if it is no such period.

    Partners' weeks may begin on any day: a range counts in the period that holds most of it.
    """
    shortest, longest = _RANGE_DAYS[frequency]
    length = (end - start).days + 1
    if start == end:
        return end
    if not shortest <= length <= longest:
        return None
    middle = start + timedelta(days=length // 2)
    return end if span_of(end, frequency) == span_of(middle, frequency) else middle


# --- reading ---


class Reader:
    """Reads one file into the table `edi_rows` of a connection, run by run."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, family: Family, profile: Profile, file: str
    ) -> None:
        container = profile.container
        if not isinstance(container, (Edifact, X12)):
            raise TypeError(f"no EDI container: {container.kind}")
        self.family = family
        self.settings: Edifact | X12 = container
        self.profile = profile
        self.file = file
        self.head = Head()
        self.messages: list[Message] = []
        self.findings: list[str] = []
        self.passed = 0
        self.failed = 0
        self._connection = connection
        self._carried: tuple[_Positions, pa.StringArray] | None = None
        self._carried_since = 0
        self._store_first: frozenset[str] = frozenset()
        self._separators: Separators | None = None
        self._figures = container.figures
        self._products: dict[str, Product] = {}
        self._dates: dict[str, tuple[str, Dates]] = {}
        store_tags: dict[str, list[str]] = {}
        for entry in container.store:
            tag, _, qualifier = entry.partition("+")
            store_tags.setdefault(tag, []).append(qualifier)
        self._store_tags = store_tags
        self._store_pattern = (
            "^(?i:"
            + "|".join(
                f"{re.escape(entry.partition('+')[0])}{ELEMENT}{re.escape(entry.partition('+')[2])}"
                for entry in container.store
            )
            + f")({ELEMENT}|{COMPONENT}|$)"
        )
        names = {name for entry in (*family.period_dates, *container.sale_date) for name in entry.split("+")}
        self.date_names = names

    # -- control --

    def check(
        self, number: int, tag: str, what: str, stated: str, found: str, *, of_file: bool = False
    ) -> None:
        """Compare a control total with what is there; what a difference does, the profile says."""
        if self.settings.control_totals == "ignore":
            return
        same = stated == found or (stated.isdigit() and found.isdigit() and int(stated) == int(found))
        if same:
            self.passed += 1
            return
        self.failed += 1
        text = f"segment {number}, {tag}: {what} is {stated or 'missing'}, found {found or 'none'}"
        if len(self.findings) < _FINDINGS_KEPT:
            self.findings.append(text)
        if self.settings.control_totals == "reject":
            if of_file or self.head.message is None:
                raise RejectedFile(
                    "control_total",
                    f"{what} does not fit the file: {stated or 'missing'} stated, {found or 'none'} found",
                    "ask the partner to send the file again, or state control_totals: warn in the profile",
                    Place(file=self.file, row=number, column=tag, value=stated),
                )
            self.head.message.break_off("control_total", f"{tag} {stated}")

    def note(self, text: str) -> None:
        """Keep a remark beside the control totals."""
        self.failed += 1
        if len(self.findings) < _FINDINGS_KEPT:
            self.findings.append(text)

    # -- messages --

    def open_message(self, number: int, reference: str) -> Message:
        self.close_open_message()
        message = Message(len(self.messages), number, reference, interchange=self.head.interchange)
        self.messages.append(message)
        self.head.message = message
        self.head.messages_in_interchange += 1
        self.head.messages_in_group += 1
        self.head.store = self.head.currency = self.head.transaction = None
        self.head.dates, self.head.store_dates = {}, {}
        if self.head.is_test and self.settings.test_interchanges == "reject":
            message.break_off("test_interchange")
        return message

    def judge_test(self, number: int) -> None:
        """Say that an interchange is marked as a test; the profile may refuse its messages."""
        self.head.is_closed = False
        if self.head.is_test and self.settings.test_interchanges != "ignore":
            self.note(f"segment {number}: the interchange is marked as a test")

    def close_message(self, number: int, tag: str, count: str, reference: str) -> None:
        """Judge a message at its trailer."""
        message = self.head.message
        if message is None:
            self.note(f"segment {number}, {tag}: no message is open")
            return
        self.check(number, tag, "the number of segments", count, str(number - message.segment + 1))
        self.check(number, tag, "the message reference", reference, message.reference)
        message.is_closed = True
        self._finish_message(message)
        self.head.message = None

    def close_open_message(self) -> None:
        """A message that another one, or the end of the file, cuts off."""
        message = self.head.message
        if message is None:
            return
        self.check(
            message.segment, self.family.grammar.closes, "the trailer of the message", "", "no trailer"
        )
        if self.settings.control_totals != "ignore":
            message.break_off("truncated_message", message.reference)
        self._finish_message(message)
        self.head.message = None

    def _finish_message(self, message: Message) -> None:
        if not message.kind:
            message.break_off("unknown_message", "")
        message.period = self._head_period() if message.period is None else message.period

    def set_function(self, message: Message, code: str, standard: Mapping[str, Function]) -> None:
        """Read the message's function; one that neither standard nor profile names is a fault."""
        message.function_code = code
        functions = {**standard, **self.settings.functions}
        if code and code not in functions:
            message.break_off("unknown_function", code)
            return
        message.function = functions.get(code, "original")

    # -- runs of segments --

    def work(
        self, numbers: _Positions, texts: pa.StringArray, separators: Separators, *, is_last: bool
    ) -> None:
        """Work through a run of segments; the last, unfinished group waits for the next run."""
        if self._carried is not None:
            numbers = np.concatenate([self._carried[0], numbers])
            texts = pa.concat_arrays([self._carried[1], texts])
            self._carried = None
        self._separators = separators
        if len(texts) == 0:
            return
        tags, names = _tags(texts)
        cut = len(texts) if is_last else self._cut(tags, names)
        if cut < len(texts):
            if len(texts) - cut > _LARGEST_LINE:
                raise RejectedFile(
                    "endless_line",
                    f"one line of the report holds more than {_LARGEST_LINE} segments",
                    "ask the partner to send the file again",
                    Place(file=self.file, row=int(numbers[cut])),
                )
            self._carried = (numbers[cut:], texts.slice(cut))
            numbers, texts, tags = numbers[:cut], texts.slice(0, cut), tags[:cut]
        if cut:
            _Run(self, numbers, texts, tags, names).work()

    def _cut(self, tags: _Positions, names: list[str]) -> int:
        grammar = self.family.grammar
        starts = _where(tags, names, grammar.groups)
        ends = _where(tags, names, {*grammar.ends, grammar.opens, grammar.closes})
        if len(starts) == 0 or (len(ends) and ends[-1] > starts[-1]):
            return len(tags)
        return int(starts[-1])

    def finish(self) -> None:
        """The end of the file."""
        if self._carried is not None and self._separators is not None:
            none = np.empty(0, np.int64)
            self.work(none, pa.array([], pa.string()), self._separators, is_last=True)
        self.close_open_message()
        if not self.head.is_closed:
            end = "the end of the interchange"
            self.check(self.head.interchange_segment, "UNZ or IEA", end, "", "no trailer", of_file=True)

    # -- head --

    def read_head_segment(self, number: int, text: str) -> None:
        elements = text.split(ELEMENT)
        tag = elements[0].strip().upper()
        grammar = self.family.grammar
        if tag in grammar.quantity or tag in grammar.lines:
            self._out_of_place(number, text)
            return
        if tag == grammar.date:
            name, dates = self.family.read_date(text)
            target = self.head.store_dates if self.head.store is not None else self.head.dates
            target[name] = dates
            return
        if tag in self._store_tags and re.match(self._store_pattern, text):
            self.head.store = self.store_of(elements)
            self.head.store_dates = {}
            return
        self.family.read_head(self, number, tag, elements)

    def store_of(self, elements: Sequence[str]) -> str | None:
        """The store that a segment names: its code, otherwise its name."""
        if self.family.grammar.composite:
            parts = elements[2].split(COMPONENT) if len(elements) > 2 else []
            return next((part.strip() for part in (*parts[:1], *parts[3:4]) if part.strip()), None)
        return next((elements[i].strip() for i in (4, 2) if len(elements) > i and elements[i].strip()), None)

    def _out_of_place(self, number: int, text: str) -> None:
        rows = pa.table(
            {
                **{name: pa.nulls(1, pa.string()) for name in _ROW_TEXTS},
                "number": pa.array([number], pa.int64()),
                "message": pa.array([self.head.message.number if self.head.message else None], pa.int32()),
                "fault": pa.array(["segment_out_of_place"], pa.string()),
                "fault_text": pa.array([self.show(text)], pa.string()),
                "is_skipped": pa.array([False], pa.bool_()),
            }
        )
        self.insert(rows)

    def insert(self, rows: pa.Table) -> None:
        """Add rows, whose segments are texts yet, to `edi_rows`."""
        marks = self._separators.decimal_marks if self._separators else ".,"
        names = ["number", "message", "fault", "fault_text", "is_skipped", *_ROW_TEXTS]
        self._connection.register("incoming", rows.select(names))
        self._connection.execute(_cell_sql(self.family.grammar, self.settings, marks))
        self._connection.unregister("incoming")

    def show(self, text: str) -> str:
        return self._separators.show(text) if self._separators else text

    def period_of(self, scopes: Sequence[Mapping[str, Dates]], wanted: Sequence[str]) -> str | None:
        """The text of the period that date segments name, from the nearest scope that names one."""
        for scope in scopes:
            for entry in wanted:
                first, _, second = entry.partition("+")
                if first not in scope or (second and second not in scope):
                    continue
                return self._period_text(scope[first], scope[second] if second else scope[first])
        return None

    def _period_text(self, first: Dates, last: Dates) -> str:
        if first.start is None or last.end is None:
            return first.raw if first.start is None else last.raw
        day = period_day(first.start, last.end, self.profile.period.frequency)
        if day is None:
            return f"{first.start:%Y%m%d}-{last.end:%Y%m%d}"
        return f"{day:%Y%m%d}"

    def _head_period(self) -> str | None:
        return self.period_of((self.head.store_dates, self.head.dates), self.family.period_dates)

    def day_text(self, scopes: Sequence[Mapping[str, Dates]], wanted: Sequence[str]) -> str | None:
        for scope in scopes:
            for name in wanted:
                if name in scope:
                    found = scope[name]
                    return f"{found.end:%Y%m%d}" if found.end else found.raw
        return None

    def resolve_product(self, key: str) -> Product:
        if key not in self._products:
            if len(self._products) > 200_000:
                self._products.clear()
            self._products[key] = self.family.read_product(key.split("\x1c"))
        return self._products[key]

    def resolve_date(self, text: str) -> tuple[str, Dates]:
        if text not in self._dates:
            self._dates[text] = self.family.read_date(text)
        return self._dates[text]


_ROW_TEXTS: Final = (
    "part",
    "store_segment",
    "store",
    "period",
    "sale_date",
    "currency",
    "gtin",
    "product_code",
    "partner_product_code",
    "label",
    *_FIGURES,
    "amount",
    "price",
    "reference",
    "transaction",
    "pairs",
    "pairs_figure",
)


def _cell_sql(grammar: Grammar, settings: Edi, marks: str) -> str:
    """SQL: canonical cells of rows whose segments are texts yet."""
    e, c = quoted(ELEMENT), quoted(COMPONENT)

    def element(text: str, position: int) -> str:
        return f"split_part({text}, {e}, {position + 1})"

    def component(text: str, position: int) -> str:
        return f"split_part({element(text, 1)}, {c}, {position})"

    def number(text: str) -> str:
        plain = f"nullif(trim({text}), '')"
        if marks == ".":
            return plain
        if marks == ",":
            return (
                f"case when contains({text}, '.') then {plain} || ' (the decimal mark is a comma)' "
                f"else replace({plain}, ',', '.') end"
            )
        return f"replace({plain}, ',', '.')"

    if grammar.composite:
        store = f"coalesce(nullif(trim(split_part({element('store_segment', 2)}, {c}, 1)), ''), "
        store += f"nullif(trim(split_part({element('store_segment', 2)}, {c}, 4)), ''), store)"
        values = {name: component(name, 2) for name in _FIGURES}
        units = [component(name, 3) for name in _FIGURES]
        amount, price, basis = component("amount", 2), component("price", 2), component("price", 5)
        amount_currency = component("amount", 3)
        reference = component("reference", 2)
    else:
        store = f"coalesce(nullif(trim({element('store_segment', 4)}), ''), "
        store += f"nullif(trim({element('store_segment', 2)}), ''), store)"
        values = {name: element(name, 2) for name in _FIGURES}
        units = [f"split_part({element(name, 3)}, {c}, 1)" for name in _FIGURES]
        amount, basis, amount_currency = element("amount", 2), "''", "''"
        arms = " ".join(
            f"when starts_with(price, {quoted(tag + ELEMENT)}) then {element('price', position)}"
            for tag, position in grammar.price.items()
        )
        price = f"case {arms} end"
        reference = element("reference", 2)
    unit = "coalesce(" + ", ".join(f"nullif(trim({text}), '')" for text in units) + ")"
    figures = ", ".join(f"{number(text)} as {name}" for name, text in values.items())
    net = "try_cast(coalesce(sold_quantity, '0') as decimal(18, 4)) - "
    net += "try_cast(coalesce(returned_quantity, '0') as decimal(18, 4))"

    def signed(text: str) -> str:
        if settings.amount_sign == "as_sent":
            return text
        is_turned = f"{net} < 0 and try_cast({text} as decimal(18, 4)) > 0"
        return f"case when {is_turned} then '-' || {text} else {text} end"

    by_unit = (
        f"coalesce(cast(cast(case when coalesce(price_basis, '1') = '1' then "
        f"cast(price_value as decimal(18, 6)) * ({net}) else "
        f"round(try_cast(price_value as double) * ({net}) / nullif(try_cast(price_basis as double), 0), 4) "
        "end as decimal(18, 4)) as varchar), price_value)"
    ).replace("cast(price_value as decimal(18, 6))", "try_cast(price_value as decimal(18, 6))")
    by_price = by_unit if settings.price_basis == "unit" else signed("price_value")
    return f"""
        insert into edi_rows
        with read as (
            select * replace (
                {figures}
            ), {number(amount)} as amount_value, {number(price)} as price_value,
            {number(basis)} as price_basis, nullif(trim({amount_currency}), '') as amount_currency,
            {unit} as unit_code, {store} as store_code, nullif(trim({reference}), '') as own_transaction
            from incoming
        ),
        paired as (
            select * exclude (pairs), pairs,
                   unnest(case when pairs is null then [0] else range(
                       4, case when {_PAIRS_LENGTH} = 24 then 24 else {_PAIRS_LENGTH} + 1 end, 2
                   ) end) as pair
            from read
        ),
        spread as (
            select * replace (
                case when pair > 0 then nullif(trim(split_part(pairs, {e}, cast(pair as integer))), '')
                     else store_code end as store_code,
                case when pair > 0 then nullif(trim(split_part(pairs, {e}, 2)), '') else unit_code end
                as unit_code,
                case when pair > 0 then 'SDQ' || lpad(cast(pair - 1 as varchar), 2, '0') else '' end as part,
                {", ".join(_pair_figure(name) for name in _FIGURES)}
            )
            from paired
        )
        select number, part, message, fault, fault_text, is_skipped, sold_quantity, returned_quantity,
               on_hand_quantity, in_transit_quantity,
               case when sold_quantity is null and returned_quantity is null then null
                    when amount_value is not null then {signed("amount_value")}
                    when price_value is not null then {by_price} end,
               coalesce(amount_currency, currency), unit_code, store_code, period, sale_date,
               gtin, product_code, partner_product_code, label, coalesce(own_transaction, transaction)
        from spread
        where pair = 0 or store_code is not null or sold_quantity is not null
           or returned_quantity is not null or on_hand_quantity is not null
           or in_transit_quantity is not null
    """


_PAIRS_LENGTH: Final = f"len(string_split(pairs, {quoted(ELEMENT)}))"


def _pair_figure(name: str) -> str:
    value = f"nullif(trim(split_part(pairs, {quoted(ELEMENT)}, cast(pair + 1 as integer))), '')"
    return (
        f"case when pair > 0 and pairs_figure = {quoted(name)} then {value} "
        f"when pair > 0 then null else {name} end as {name}"
    )


def _tags(texts: pa.StringArray) -> tuple[_Positions, list[str]]:
    """The tag of each segment as a number, and the names of the numbers."""
    encoded = pc.utf8_slice_codeunits(texts, 0, 4).dictionary_encode()
    names = [value.split(ELEMENT)[0].strip().upper()[:3] for value in encoded.dictionary.to_pylist()]
    known = sorted(set(names))
    table = np.array([known.index(name) for name in names], np.int64)
    return table[encoded.indices.to_numpy(zero_copy_only=False)], known


def _where(tags: _Positions, names: list[str], wanted: Iterable[str]) -> _Positions:
    wanted = set(wanted)
    codes = [code for code, name in enumerate(names) if name in wanted]
    if not codes:
        return np.empty(0, np.int64)
    mask = tags == codes[0]
    for code in codes[1:]:
        mask |= tags == code
    return np.flatnonzero(mask)


def _last_before(positions: _Positions, points: _Positions) -> _Positions:
    """Index into `positions` of the last one at or before each point; -1 if there is none."""
    return np.searchsorted(positions, points, "right") - 1


def _join(parts: Sequence[pa.StringArray], separator: str) -> pa.StringArray:
    """The texts of several columns in one, row by row."""
    # Arrow gives an array of no length where all of a single column is null.
    return pc.binary_join_element_wise(*(pc.fill_null(part, "") for part in parts), separator)


class _Run:
    """One run of segments that ends at the end of a group or outside of all."""

    def __init__(
        self, reader: Reader, numbers: _Positions, texts: pa.StringArray, tags: _Positions, names: list[str]
    ) -> None:
        self.reader = reader
        self.grammar = reader.family.grammar
        self.numbers = numbers
        self.texts = texts
        self.tags = tags
        self.names = names

    def _at(self, wanted: Iterable[str]) -> _Positions:
        return _where(self.tags, self.names, wanted)

    def _matching(self, positions: _Positions, pattern: str) -> _Positions:
        if len(positions) == 0:
            return positions
        found = pc.match_substring_regex(self.texts.take(pa.array(positions)), pattern)
        matching: _Positions = positions[found.to_numpy(zero_copy_only=False)]
        return matching

    def work(self) -> None:
        grammar = self.grammar
        starts = self._at(grammar.groups)
        enders = self._at({*grammar.ends, grammar.opens, grammar.closes})
        stores = self._matching(self._at(self.reader._store_tags), self.reader._store_pattern)
        quantities = self._at(grammar.quantity)
        heads = self._head_stores(starts, enders, stores, quantities)
        enders = np.union1d(enders, heads)
        inside = self._inside(starts, enders)
        snapshots, group_snapshot = self._read_heads(inside, starts)
        if len(starts) == 0:
            return
        _Blocks(self, inside, starts, stores, quantities, snapshots, group_snapshot).emit()

    def _inside(self, starts: _Positions, enders: _Positions) -> npt.NDArray[np.bool_]:
        """Whether each segment belongs to a group."""
        count = len(self.tags)
        changes = np.zeros(count, np.int8)
        changes[enders] = 2
        changes[starts] = 1
        last = np.maximum.accumulate(np.where(changes > 0, np.arange(count), -1))
        inside: npt.NDArray[np.bool_] = (last >= 0) & (changes[np.maximum(last, 0)] == 1)
        return inside

    def _head_stores(
        self, starts: _Positions, enders: _Positions, stores: _Positions, quantities: _Positions
    ) -> _Positions:
        """Store segments that govern the lines after them, not the line they stand in."""
        if len(stores) == 0:
            return stores
        opens = self._at({self.grammar.opens})
        message_of = _last_before(opens, stores)
        first_line = np.full(len(opens) + 1, len(self.tags), np.int64)
        lines_message = _last_before(opens, starts)
        seen, first = np.unique(lines_message, return_index=True)
        first_line[seen] = starts[first]
        tags = self.tags[stores]
        is_first = np.zeros(len(stores), np.bool_)
        carried_first = self.reader._store_first
        for code in np.unique(tags):
            of_tag = tags == code
            name = self.names[code]
            before = of_tag & (stores < first_line[message_of])
            if name not in carried_first:
                before &= (message_of >= 0) | (self.reader.head.message is None) | (not self._mid_message)
            leading = set(np.unique(message_of[before]).tolist())
            if name in carried_first:
                leading.add(-1)
            is_first |= of_tag & np.isin(message_of, np.array(sorted(leading), np.int64))
            last_message = len(opens) - 1
            if last_message in leading:
                carried_first |= {name}
            elif last_message >= 0:
                carried_first -= {name}
        self.reader._store_first = carried_first
        marks = np.sort(np.concatenate([starts, enders, quantities]))
        following = np.searchsorted(marks, stores, "right")
        has_next = following < len(marks)
        next_mark = marks[np.minimum(following, len(marks) - 1)] if len(marks) else stores
        before_quantity = has_next & np.isin(next_mark, quantities)
        return stores[is_first & ~before_quantity]

    @property
    def _mid_message(self) -> bool:
        """Whether lines of the message that is open at the start of the run have been read."""
        message = self.reader.head.message
        return message is not None and message.lines > 0

    def _read_heads(
        self, inside: npt.NDArray[np.bool_], starts: _Positions
    ) -> tuple[list[tuple[Any, ...]], _Positions]:
        """Read the segments outside of groups in order; gives what holds at each group."""
        reader = self.reader
        positions = np.flatnonzero(~inside)
        texts = self.texts.take(pa.array(positions)).to_pylist()
        numbers = self.numbers[positions].tolist()
        before = np.searchsorted(positions, starts)
        turns, group_snapshot, sizes = np.unique(before, return_inverse=True, return_counts=True)
        lines = self._at(self.grammar.lines)
        bounds = np.searchsorted(positions, lines)
        line_counts = np.bincount(bounds, minlength=len(positions) + 1)[turns].tolist()
        snapshots: list[tuple[Any, ...]] = []
        done = 0
        for turn, line_count, group_count in zip(turns.tolist(), line_counts, sizes.tolist(), strict=True):
            for i in range(done, turn):
                reader.read_head_segment(numbers[i], texts[i])
            done = turn
            snapshots.append(self._snapshot(line_count, group_count))
        for i in range(done, len(texts)):
            reader.read_head_segment(numbers[i], texts[i])
        return snapshots, group_snapshot.astype(np.int64)

    def _snapshot(self, line_count: int, group_count: int) -> tuple[Any, ...]:
        reader = self.reader
        head, settings = reader.head, reader.settings
        if head.message is not None:
            head.message.lines += line_count
            head.message.groups += group_count
        scopes = (head.store_dates, head.dates)
        return (
            head.message.number if head.message else None,
            head.store,
            reader.period_of(scopes, reader.family.period_dates),
            reader.day_text(scopes, settings.sale_date),
            head.currency,
            head.transaction,
        )


class _Blocks:
    """The groups of a run, cut into blocks."""

    def __init__(
        self,
        run: _Run,
        inside: npt.NDArray[np.bool_],
        starts: _Positions,
        stores: _Positions,
        quantities: _Positions,
        snapshots: list[tuple[Any, ...]],
        group_snapshot: _Positions,
    ) -> None:
        self.run = run
        self.reader = run.reader
        self.grammar = run.grammar
        self.texts = run.texts
        self.starts = starts
        self.snapshots = snapshots
        self.group_snapshot = group_snapshot
        self.inside = inside
        self.stores = stores[inside[stores]]
        self.quantities = quantities[inside[quantities]]
        self.dates = self._inner_dates()
        self.products = np.empty(0, np.int64)
        if self.grammar.groups != self.grammar.lines:
            self.products = self._in(run._at(self.grammar.lines))
        self._cut()

    def _in(self, positions: _Positions) -> _Positions:
        return positions[self.inside[positions]]

    def _group(self, positions: _Positions) -> _Positions:
        return _last_before(self.starts, positions)

    def _inner_dates(self) -> _Positions:
        dates = self._in(self.run._at({self.grammar.date}))
        names = "|".join(sorted(re.escape(name) for name in self.reader.date_names)) or "$^"
        return self.run._matching(dates, f"^[^{ELEMENT}]*{ELEMENT}({names})({ELEMENT}|{COMPONENT}|$)")

    def _cut(self) -> None:
        """Number the blocks: `mark_block` of each mark, `block_group` of each block."""
        kinds = ((self.quantities, 0), (self.stores, 1), (self.dates, 2), (self.products, 3))
        marks = np.concatenate([positions for positions, _ in kinds])
        classes = np.concatenate([np.full(len(positions), code, np.int8) for positions, code in kinds])
        order = np.argsort(marks, kind="stable")
        marks, classes = marks[order], classes[order]
        groups = self._group(marks)
        count = len(marks)
        opening = np.ones(count, np.bool_)
        opening[1:] = groups[1:] != groups[:-1]
        if len(self.stores) or len(self.dates) or len(self.products):
            firsts = np.flatnonzero(opening)
            group_index = np.cumsum(opening) - 1
            lasts = np.append(firsts[1:], count) - 1
            first_class, last_class = classes[firsts][group_index], classes[lasts][group_index]
            is_quantity = classes == 0
            after_quantity = np.zeros(count, np.bool_)
            after_quantity[1:] = is_quantity[:-1]
            after_quantity &= ~opening
            leading = (last_class == 0) & ~is_quantity & after_quantity
            trailing = (last_class != 0) & (first_class == 0) & is_quantity & ~after_quantity & ~opening
            around = (last_class != 0) & (first_class != 0) & (classes == first_class) & ~opening
            starts_block = opening | leading | trailing | around
        else:
            starts_block = opening
        self.marks = marks
        self.mark_block = np.cumsum(starts_block) - 1
        with_marks = groups[starts_block]
        without = np.setdiff1d(np.arange(len(self.starts)), groups)
        self.block_group = np.concatenate([with_marks, without])
        self.blocks_of_group = np.bincount(self.block_group, minlength=len(self.starts))

    def _block(self, positions: _Positions) -> _Positions:
        """The block of each position; -1 where it stands before the first mark of its group."""
        if len(self.marks) == 0:
            return np.full(len(positions), -1, np.int64)
        last = _last_before(self.marks, positions)
        block = np.where(last >= 0, self.mark_block[np.maximum(last, 0)], -1)
        same = (block >= 0) & (self.block_group[np.maximum(block, 0)] == self._group(positions))
        return np.where(same, block, -1)

    def _pick(self, positions: _Positions) -> _Positions:
        """For each block the last of `positions` in it, otherwise the group's own; -1 where there is none."""
        own = np.full(len(self.block_group), -1, np.int64)
        if len(positions) == 0:
            return own
        of_group = np.full(len(self.starts), -1, np.int64)
        block = self._block(positions)
        own[block[block >= 0]] = positions[block >= 0]
        loose = block < 0
        of_group[self._group(positions[loose])] = positions[loose]
        return np.where(own >= 0, own, of_group[self.block_group])

    def _take(self, positions: _Positions) -> pa.StringArray:
        if not (positions >= 0).any():
            return pa.nulls(len(positions), pa.string())
        return self.texts.take(pa.array(positions, mask=positions < 0))

    def _qualifiers(self, positions: _Positions, element: int = 1) -> tuple[_Positions, list[str]]:
        """The qualifier of each segment as a number, and the names of the numbers."""
        texts = self.texts.take(pa.array(positions))
        skip = f"(?:[^{ELEMENT}]*{ELEMENT}){{{element}}}"
        found = pc.extract_regex(texts, f"^{skip}(?P<name>[^{ELEMENT}{COMPONENT}]*)").field("name")
        encoded = pc.fill_null(found, "").dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, [name.strip().upper() for name in encoded.dictionary.to_pylist()]

    def emit(self) -> None:
        reader, grammar = self.reader, self.grammar
        blocks = len(self.block_group)
        fault = np.zeros(blocks, np.int8)
        figures, other, unknown, paired = self._figures(fault)
        of_total = self._totals_beside_stores()
        has_figure = np.zeros(blocks, np.bool_)
        for positions, _ in figures.values():
            has_figure |= positions >= 0
        fault[unknown & ~has_figure & (fault == 0)] = 2
        skipped = (of_total | (other & ~has_figure)) & (fault == 0)
        # A block all of whose quantities are spread over stores by SDQ has no row of its own.
        is_row = ~(paired & ~has_figure)
        first = self._first_quantity()
        anchor = np.where(first >= 0, first, self.starts[self.block_group])
        snapshot = self.group_snapshot[self.block_group]
        columns = self._head_columns(snapshot)
        self._add_dates(columns)
        products = self._product_columns()
        amount, price = self._money()
        shown = _join([self._take(self.starts[self.block_group]), self._take(first)], " ")
        codes = pa.array([None, "ambiguous_quantity", "unknown_qualifier", "unknown_transfer"], pa.string())
        faults = codes.take(pa.array(fault.astype(np.int64)))
        rows = pa.table(
            {
                "number": pa.array(self.run.numbers[anchor]),
                "message": columns["message"],
                "fault": faults,
                "fault_text": pc.if_else(pc.is_valid(faults), shown, pa.scalar(None, pa.string())),
                "is_skipped": pa.array(skipped),
                "part": pa.nulls(blocks, pa.string()),
                "store_segment": self._take(self._pick(self.stores)),
                **{name: columns[name] for name in ("store", "period", "sale_date", "currency")},
                **products,
                **{name: figures[name][1] for name in _FIGURES},
                "amount": amount,
                "price": price,
                "reference": self._reference(),
                "transaction": columns["transaction"],
                "pairs": pa.nulls(blocks, pa.string()),
                "pairs_figure": pa.nulls(blocks, pa.string()),
            }
        )
        reader.insert(rows.filter(pa.array(is_row)))
        if grammar.composite is False:
            self._emit_pairs(rows)

    # -- figures --

    def _figures(
        self, fault: npt.NDArray[np.int8]
    ) -> tuple[
        dict[str, tuple[_Positions, pa.StringArray]],
        npt.NDArray[np.bool_],
        npt.NDArray[np.bool_],
        npt.NDArray[np.bool_],
    ]:
        """By figure the segment of each block; which blocks hold others, unknown ones, and spread ones."""
        blocks = len(self.block_group)
        other, unknown, paired = (np.zeros(blocks, np.bool_) for _ in range(3))
        figures = {name: (np.full(blocks, -1, np.int64), pa.nulls(blocks, pa.string())) for name in _FIGURES}
        positions = self.quantities
        self.figure_of = np.full(len(positions), -1, np.int64)
        self.is_spread = np.zeros(len(positions), np.bool_)
        if len(positions) == 0:
            return figures, other, unknown, paired
        codes, names = self._qualifiers(positions)
        meanings = self._meanings(positions, codes, names)
        block = self._block(positions)
        self.figure_of = meanings
        self.is_spread = self._spread()
        unknown[block[meanings == -2]] = True
        other[block[meanings == -1]] = True
        fault[block[meanings == -3]] = 3
        paired[block[self.is_spread]] = True
        for index, name in enumerate(_FIGURES):
            mine = (meanings == index) & ~self.is_spread
            if not mine.any():
                continue
            own = np.full(blocks, -1, np.int64)
            own[block[mine]] = positions[mine]
            texts = self._take(own)
            counts = np.bincount(block[mine], minlength=blocks)
            if (counts > 1).any():
                texts = self._merge(texts, positions[mine], block[mine], codes[mine], counts > 1, fault, name)
            figures[name] = (own, texts)
        return figures, other, unknown, paired

    def _meanings(self, positions: _Positions, codes: _Positions, names: list[str]) -> _Positions:
        family = self.reader.family
        numbers = {**{name: i for i, name in enumerate(_FIGURES)}, "other": -1, "unknown": -2, "fault": -3}
        if self.grammar.groups == self.grammar.lines:
            table = np.array([numbers[family.quantity_meaning(name, None)] for name in names], np.int64)
            return table[codes]
        group_codes, group_names = self._qualifiers(self.starts)
        table = np.array(
            [[numbers[family.quantity_meaning(name, kind)] for kind in group_names] for name in names],
            np.int64,
        )
        return table[codes, group_codes[self._group(positions)]]

    def _spread(self) -> npt.NDArray[np.bool_]:
        """Quantities that an SDQ after them spreads over stores."""
        spread = np.zeros(len(self.quantities), np.bool_)
        self.pairs = self._in(self.run._at({"SDQ"}))
        self.pairs_quantity = _last_before(self.quantities, self.pairs)
        valid = self.pairs_quantity >= 0
        same = self._group(self.quantities[np.maximum(self.pairs_quantity, 0)]) == self._group(self.pairs)
        self.pairs_quantity = np.where(valid & same, self.pairs_quantity, -1)
        spread[self.pairs_quantity[self.pairs_quantity >= 0]] = True
        return spread

    def _merge(
        self,
        texts: pa.StringArray,
        positions: _Positions,
        block: _Positions,
        codes: _Positions,
        repeated: npt.NDArray[np.bool_],
        fault: npt.NDArray[np.int8],
        figure: str,
    ) -> pa.StringArray:
        """Quantities of one figure that stand several times in a block: added, or the total taken."""
        several = repeated[block]
        order = np.argsort(block[several], kind="stable")
        chosen, chosen_block = positions[several][order], block[several][order]
        chosen_codes = codes[several][order]
        values = self.texts.take(pa.array(chosen)).to_pylist()
        bounds = np.flatnonzero(np.diff(chosen_block, prepend=-1))
        replaced: dict[int, str] = {}
        for low, high in zip(bounds.tolist(), [*bounds.tolist()[1:], len(values)], strict=True):
            at = int(chosen_block[low])
            merged = self._merge_one(values[low:high], chosen_codes[low:high].tolist(), figure)
            if merged is None:
                fault[at] = 1
            else:
                replaced[at] = merged
        if not replaced:
            return texts
        listed = texts.to_pylist()
        for at, text in replaced.items():
            listed[at] = text
        return pa.array(listed, pa.string())

    def _merge_one(self, segments: list[str], codes: list[int], figure: str) -> str | None:
        composite = self.grammar.composite
        parts = [
            segment.split(ELEMENT)[1].split(COMPONENT) if composite else segment.split(ELEMENT)[1:]
            for segment in segments
        ]
        numbers: dict[int, list[Decimal]] = {}
        for code, part in zip(codes, parts, strict=True):
            try:
                value = Decimal(part[1].strip().replace(",", ".")) if len(part) > 1 else Decimal("NaN")
            except InvalidOperation:
                return segments[0] if len(part) > 1 else None
            if not value.is_finite():
                return None
            numbers.setdefault(code, []).append(value)
        if len({part[2] if len(part) > 2 else "" for part in parts}) > 1:
            return None
        total = Decimal(0)
        for values in numbers.values():
            merged = self._merge_same(values, figure)
            if merged is None:
                return None
            total += merged
        head = segments[0].split(ELEMENT)[0]
        rest = [parts[0][0], format(total, "f"), *parts[0][2:]]
        return head + ELEMENT + (COMPONENT if composite else ELEMENT).join(rest)

    def _merge_same(self, values: list[Decimal], figure: str) -> Decimal | None:
        rule = self.reader.settings.repeated_quantity
        if len(values) == 1 or rule == "first":
            return values[0]
        if rule == "sum":
            return sum(values, Decimal(0))
        # One part equal to its total is two equal sales as well: only of a stock can it be said.
        shortest = 2 if figure == "on_hand_quantity" else 3
        if len(values) >= shortest and values[0] == sum(values[1:], Decimal(0)):
            return values[0]
        return None

    def _first_quantity(self) -> _Positions:
        first = np.full(len(self.block_group), -1, np.int64)
        if len(self.quantities):
            mapped = self.quantities[::-1]
            first[self._block(mapped)] = mapped
        return first

    def _totals_beside_stores(self) -> npt.NDArray[np.bool_]:
        """Blocks without store beside blocks of the same line with stores: totals of those."""
        blocks = len(self.block_group)
        if self.reader.settings.total_beside_stores == "keep" or len(self.stores) == 0:
            return np.zeros(blocks, np.bool_)
        has_store = np.zeros(blocks, np.bool_)
        block = self._block(self.stores)
        has_store[block[block >= 0]] = True
        group_has = np.zeros(len(self.starts), np.bool_)
        group_has[self.block_group[has_store]] = True
        without: npt.NDArray[np.bool_] = ~has_store & group_has[self.block_group]
        return without

    # -- what goes with them --

    def _head_columns(self, snapshot: _Positions) -> dict[str, pa.Array]:
        names = ("message", "store", "period", "sale_date", "currency", "transaction")
        types = (pa.int32(), *(pa.string() for _ in names[1:]))
        index = pa.array(snapshot)
        return {
            name: pa.array([row[i] for row in self.snapshots], type_).take(index)
            for i, (name, type_) in enumerate(zip(names, types, strict=True))
        }

    def _add_dates(self, columns: dict[str, pa.Array]) -> None:
        """Let the dates within the lines override those of the head."""
        if len(self.dates) == 0:
            return
        codes, names = self._qualifiers(self.dates)
        picked: dict[str, _Positions] = {}
        for code, name in enumerate(names):
            if (codes == code).any():
                picked[name] = self._pick(self.dates[codes == code])
        texts = {name: self._take(positions) for name, positions in picked.items()}
        settings = self.reader.settings
        for column, entries, text_of in (
            ("period", self.reader.family.period_dates, self.reader.period_of),
            ("sale_date", settings.sale_date, self.reader.day_text),
        ):
            found = self._date_column(texts, entries, text_of)
            if found is not None:
                columns[column] = pc.coalesce(found, columns[column])

    def _date_column(
        self,
        texts: Mapping[str, pa.StringArray],
        entries: Sequence[str],
        text_of: Callable[[Sequence[Mapping[str, Dates]], Sequence[str]], str | None],
    ) -> pa.StringArray | None:
        used = [name for name in dict.fromkeys(n for e in entries for n in e.split("+")) if name in texts]
        if not used:
            return None
        joined = _join([texts[name] for name in used], "\x1c").dictionary_encode()
        found: list[str | None] = []
        for key in joined.dictionary.to_pylist():
            scope = dict(self.reader.resolve_date(text) for text in key.split("\x1c") if text)
            found.append(text_of((scope,), entries))
        return pa.array(found, pa.string()).take(joined.indices)

    def _product_columns(self) -> dict[str, pa.Array]:
        """Products of the blocks: each distinct way of naming one is read once."""
        blocks = len(self.block_group)
        line = self._pick(self.products) if len(self.products) else self.starts[self.block_group]
        if self.grammar.groups != self.grammar.lines and len(self.products) == 0:
            line = np.full(blocks, -1, np.int64)
        # Line numbers go: what is left of a line is the same wherever the product is sold.
        numbered = f"^(?i:LIN){ELEMENT}[^{ELEMENT}]*"
        parts = [pc.replace_substring_regex(self._take(line), numbered, f"LIN{ELEMENT}")]
        for tag in self.grammar.product:
            positions = self._in(self.run._at({tag}))
            parts += [self._take(picked) for picked in self._occurrences(positions)]
        key = _join(parts, "\x1c").dictionary_encode()
        found = [self.reader.resolve_product(text or "") for text in key.dictionary.to_pylist()]
        index = key.indices
        return {
            "gtin": pa.array([p.gtin for p in found], pa.string()).take(index),
            "product_code": pa.array([p.product_code for p in found], pa.string()).take(index),
            "partner_product_code": pa.array([p.partner_product_code for p in found], pa.string()).take(
                index
            ),
            "label": pa.array([p.label for p in found], pa.string()).take(index),
        }

    def _occurrences(self, positions: _Positions) -> Iterator[_Positions]:
        """The first, second and third of `positions` of each block or its group."""
        for _ in range(3):
            if len(positions) == 0:
                return
            groups = self._group(positions)
            block = self._block(positions)
            key = np.stack([groups, block])
            first = np.ones(len(positions), np.bool_)
            first[1:] = (key[:, 1:] != key[:, :-1]).any(axis=0)
            yield self._pick(positions[first])
            positions = positions[~first]

    def _money(self) -> tuple[pa.StringArray, pa.StringArray]:
        settings, grammar = self.reader.settings, self.grammar
        amounts = self._in(self.run._at({grammar.amount}))
        amounts = self._with_qualifier(amounts, settings.amounts, 1)
        amount = self._pick(amounts)
        if len(amounts):
            # A line's amount is none of its several rows.
            own = np.isin(amount, amounts[self._block(amounts) >= 0])
            amount = np.where(own | (self.blocks_of_group[self.block_group] == 1), amount, -1)
        prices = np.empty(0, np.int64)
        if settings.price_basis is not None:
            prices = self._in(self.run._at(grammar.price))
            if settings.price_qualifiers:
                prices = self._with_qualifier(prices, settings.price_qualifiers, grammar.price_component)
        return self._take(amount), self._take(self._pick(prices[::-1]))

    def _with_qualifier(self, positions: _Positions, wanted: Sequence[str], element: int) -> _Positions:
        if len(positions) == 0 or not wanted:
            return positions[:0]
        codes, names = self._qualifiers(positions, element)
        keep = np.array([name in wanted for name in names], np.bool_)
        return positions[keep[codes]]

    def _reference(self) -> pa.StringArray:
        positions = self._in(self.run._at({self.grammar.reference}))
        wanted = self.reader.settings.transaction
        return self._take(self._pick(self._with_qualifier(positions, wanted, 1)))

    # -- pairs of stores and quantities --

    def _emit_pairs(self, rows: pa.Table) -> None:
        if len(self.quantities) == 0:
            self.pairs = self._in(self.run._at({"SDQ"}))
            self.pairs_quantity = np.full(len(self.pairs), -1, np.int64)
        if len(self.pairs) == 0:
            return
        valid = self.pairs_quantity >= 0
        for number, text in zip(
            self.run.numbers[self.pairs[~valid]].tolist(),
            self.texts.take(pa.array(self.pairs[~valid])).to_pylist(),
            strict=True,
        ):
            self.reader._out_of_place(number, text)
        quantity = self.pairs_quantity[valid]
        meaning = self.figure_of[quantity]
        block = self._block(self.quantities[quantity])
        figure = pa.array([*_FIGURES, None, None, None], pa.string()).take(
            pa.array(np.where(meaning >= 0, meaning, len(_FIGURES)))
        )
        texts = self.texts.take(pa.array(self.pairs[valid]))
        mine = rows.take(pa.array(block))
        empty = pa.nulls(len(block), pa.string())
        unknown = pa.array(np.where(meaning == -2, 0, 1).astype(np.int64))
        faults = pa.array(["unknown_qualifier", None], pa.string()).take(unknown)
        columns = {
            **{name: mine.column(name) for name in mine.column_names},
            **dict.fromkeys((*_FIGURES, "store_segment", "amount", "price"), empty),
            "number": pa.array(self.run.numbers[self.pairs[valid]]),
            "fault": faults,
            "fault_text": pc.if_else(pc.is_valid(faults), texts, pa.scalar(None, pa.string())),
            "is_skipped": pa.array(meaning == -1),
            "pairs": texts,
            "pairs_figure": figure,
        }
        self.reader.insert(pa.table(columns))


# --- the whole file ---


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    profile: Profile,
    family: Family,
    known: Known,
    file: str,
) -> Report:
    """Load a file as `raw`; RejectedFile if it cannot be read at all."""
    cells = ", ".join(f"{name} varchar" for name in _CELLS)
    connection.execute(
        "create or replace temp table edi_rows (number bigint, part varchar, message integer, fault varchar, "
        f"fault_text varchar, is_skipped boolean, {cells})"
    )
    reader = Reader(connection, family, profile, file)
    held: Segments | None = None
    for run in read_segments(path, reader.settings.kind, reader.settings.encoding, file):
        if held is not None:
            reader.work(held.numbers, held.texts, held.separators, is_last=run.separators != held.separators)
        held = run
    if held is not None:
        reader.work(held.numbers, held.texts, held.separators, is_last=True)
    reader.finish()
    return _settle(connection, reader, known)


def _settle(connection: duckdb.DuckDBPyConnection, reader: Reader, known: Known) -> Report:
    """Decide what each message does, and offer the rows as `raw`."""
    profile = reader.profile
    corrections = _Corrections(connection, reader, known)
    corrections.work()
    messages = reader.messages
    fill(
        connection,
        "edi_messages",
        pa.table(
            {
                "message": pa.array([m.number for m in messages], pa.int32()),
                "segment": pa.array([m.segment for m in messages], pa.int64()),
                "message_reference": pa.array(
                    [f"{m.interchange}/{m.reference}" for m in messages], pa.string()
                ),
                "document_number": pa.array([m.document or None for m in messages], pa.string()),
                "message_fault": pa.array([m.fault for m in messages], pa.string()),
                "message_fault_value": pa.array([m.fault_value for m in messages], pa.string()),
            }
        ),
    )
    skips = sorted(corrections.skipped, key=str)
    fill(
        connection,
        "edi_skips",
        pa.table(
            {
                "message": pa.array([number for number, _ in skips], pa.int32()),
                "period": pa.array([period for _, period in skips], pa.string()),
            }
        ),
    )
    # A message that is broken before its first line is one faulty row, so that it is not lost silently.
    connection.execute(
        "insert into edi_rows (number, part, message, is_skipped) "
        "select segment, '', message, false from edi_messages where message_fault is not null "
        "and message not in (select message from edi_rows where message is not null)"
    )
    titles = list(profile.columns.named())
    titles += ["period"] if profile.period.source == "column" else []
    cells = [
        f"case when is_out or cause is not null then null else {title} end as c{i}"
        for i, title in enumerate(titles)
    ]
    arms = " ".join(
        f"when {quoted(code)} then {quoted(explain(code))}"
        for (code,) in connection.execute(
            "select distinct fault from edi_rows where fault is not null union "
            "select distinct message_fault from edi_messages where message_fault is not null"
        ).fetchall()
    )
    reason = f"case cause {arms} end" if arms else "cast(null as varchar)"
    shown = "concat_ws(' | ', message_reference, " + ", ".join(_CELLS) + ")"
    connection.execute(
        f"""
        create or replace temp table edi_report as
        with placed as (
            select rows.* exclude (is_skipped), edi_messages.* exclude (message),
                   coalesce(message_fault, fault) as cause,
                   message_fault is null
                   and (is_skipped or exists (select 1 from edi_skips where edi_skips.message = rows.message
                        and (edi_skips.period is null or edi_skips.period = rows.period))) as is_out
            from edi_rows as rows left join edi_messages using (message)
        )
        select number as _row, part as _part,
               case when not is_out and cause is not null then coalesce(fault_text, {shown}) end
               as _malformed,
               case when not is_out then cause end as _fault,
               case when not is_out then coalesce(message_fault_value, '') end as _fault_value,
               case when not is_out then {reason} end as _fault_reason, {", ".join(cells)}
        from placed order by number, part
        """
    )
    connection.execute("create or replace temp view raw as from edi_report")
    connection.execute("drop table edi_rows; drop table edi_skips; drop table edi_messages")
    return Report(
        RawTable(tuple(titles), 0, " | ", names_faults=True),
        tuple(messages),
        tuple(reader.findings),
        reader.passed,
        reader.failed,
        corrections.modes,
        tuple(corrections.retired),
        tuple(corrections.silent),
    )


class _Corrections:
    """What the functions of the messages do to one another and to what has come before."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, reader: Reader, known: Known) -> None:
        self.reader = reader
        self.known = known
        self.skipped: set[tuple[int, str | None]] = set()
        self.modes: dict[str, Mode] = {}
        self.retired: list[Retirement] = []
        self.silent: list[Span] = []
        self._periods: dict[int, list[str]] = {}
        for number, period in connection.execute(
            "select distinct message, period from edi_rows where message is not null and not is_skipped "
            "and fault is null order by all"
        ).fetchall():
            self._periods.setdefault(number, []).append(period)
        self._file_span = file_span(reader.profile, reader.file)

    def work(self) -> None:
        earlier: list[Message] = []
        for message in self.reader.messages:
            if message.fault is None:
                self._apply(message, earlier)
                earlier.append(message)

    def _apply(self, message: Message, earlier: list[Message]) -> None:
        if message.function in ("cancel", "replace"):
            self._correct(message, earlier)
        if message.function == "cancel":
            self.skipped.add((message.number, None))
            return
        if message.function == "copy":
            self._leave_out_known(message, earlier)
        mode: Mode = "slice" if message.function in ("original", "replace") else "none"
        if message.function == "replace" and any(item.message == message.number for item in self.retired):
            mode = "none"
        if self.modes.get(message.document) != "slice":
            self.modes[message.document] = mode
        if message.number not in self._periods and message.function in ("original", "replace"):
            span = self._span(message.period)
            self.silent += [span] if span is not None else []

    def _correct(self, message: Message, earlier: list[Message]) -> None:
        """Take out what the message replaces or cancels: earlier in this file, or in the ledger."""
        found = False
        for former in earlier:
            sibling = former.function == message.function and former.document == message.document
            if former.document and former.document in message.corrected and not sibling:
                self.skipped.add((former.number, None))
                found = True
        keys = tuple(span.key for span in map(self._span, self._periods.get(message.number, [])) if span)
        for document in message.corrected:
            if self.known.is_live(document):
                self.retired.append(Retirement(message.number, document, keys))
                found = True
        if message.function == "cancel" and not found:
            named = ", ".join(message.corrected) or "no document"
            self.reader.note(f"segment {message.segment}: cancels {named}, which has not come")

    def _leave_out_known(self, message: Message, earlier: list[Message]) -> None:
        """A copy counts only where neither its document nor its period has come."""
        came = any(
            former.document == message.document and message.document and former.function != "cancel"
            for former in earlier
        )
        for period in self._periods.get(message.number, []):
            span = self._span(period)
            if came or (
                span is not None
                and (self.known.has_come(message.document, span.key) or self.known.is_reported(span.key))
            ):
                self.skipped.add((message.number, period))

    def _span(self, text: str | None) -> Span | None:
        if self._file_span is not None:
            return self._file_span
        day = day_of(text) if text and len(text) == 8 else None
        return span_of(day, self.reader.profile.period.frequency) if day else None
