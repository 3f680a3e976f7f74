"""Reading one file of EDI: heads and trailers one by one, the detail run by run.

A message is a head, then groups of detail segments (a line, or a transfer), then a trailer. Heads and
trailers are few and are read one by one here; the detail is worked through in arrays (`runs`, `blocks`). What
belongs here: the state of the file from one run to the next. What does not: the segments of one family
(`connectors.feeds.edifact`, `connectors.feeds.x12`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from connectors.errors import Place, RejectedFile
from connectors.feeds.edi.cells import ROW_TEXTS, cell_sql
from connectors.feeds.edi.messages import Dates, Family, Head, Message, Product, period_day
from connectors.feeds.edi.positions import Positions, tags_of, where
from connectors.feeds.edi.runs import Run
from connectors.feeds.edi.segments import COMPONENT, ELEMENT, Separators
from connectors.feeds.profile import X12, Edifact, Function, Profile

_LARGEST_LINE: Final = 1 << 22
_FINDINGS_KEPT: Final = 20


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
        self._carried: tuple[Positions, pa.StringArray] | None = None
        self._carried_since = 0
        self.store_first: frozenset[str] = frozenset()
        self._separators: Separators | None = None
        self._products: dict[str, Product] = {}
        self._dates: dict[str, tuple[str, Dates]] = {}
        store_tags: dict[str, list[str]] = {}
        for entry in container.store:
            tag, _, qualifier = entry.partition("+")
            store_tags.setdefault(tag, []).append(qualifier)
        self.store_tags = store_tags
        self.store_pattern = (
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
        self, numbers: Positions, texts: pa.StringArray, separators: Separators, *, is_last: bool
    ) -> None:
        """Work through a run of segments; the last, unfinished group waits for the next run."""
        if self._carried is not None:
            numbers = np.concatenate([self._carried[0], numbers])
            texts = pa.concat_arrays([self._carried[1], texts])
            self._carried = None
        self._separators = separators
        if len(texts) == 0:
            return
        tags, names = tags_of(texts)
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
            Run(self, numbers, texts, tags, names).work()

    def _cut(self, tags: Positions, names: list[str]) -> int:
        grammar = self.family.grammar
        starts = where(tags, names, grammar.groups)
        ends = where(tags, names, {*grammar.ends, grammar.opens, grammar.closes})
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
            self.add_out_of_place(number, text)
            return
        if tag == grammar.date:
            name, dates = self.family.read_date(text)
            target = self.head.store_dates if self.head.store is not None else self.head.dates
            target[name] = dates
            return
        if tag in self.store_tags and re.match(self.store_pattern, text):
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

    def add_out_of_place(self, number: int, text: str) -> None:
        rows = pa.table(
            {
                **{name: pa.nulls(1, pa.string()) for name in ROW_TEXTS},
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
        names = ["number", "message", "fault", "fault_text", "is_skipped", *ROW_TEXTS]
        self._connection.register("incoming", rows.select(names))
        self._connection.execute(cell_sql(self.family.grammar, self.settings, marks))
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
