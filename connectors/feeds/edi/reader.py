"""Reading one file of EDI: heads and trailers one by one, the detail run by run.

A message is a head, then groups of detail segments (a line, or a transfer), then a trailer. Heads and
trailers are few and are read one by one here; the detail is worked through in arrays (`runs`, `blocks`). What
belongs here: the state of the file from one run to the next. What does not: the segments of one family
(`connectors.feeds.edifact`, `connectors.feeds.x12`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from connectors.errors import Place, RejectedFile
from connectors.feeds.edi.cells import ROW_TEXTS, cell_sql
from connectors.feeds.edi.controls import Controls
from connectors.feeds.edi.messages import Dates, Family, Head, Message, Product, period_day
from connectors.feeds.edi.positions import Positions, tags_of, where
from connectors.feeds.edi.runs import Run
from connectors.feeds.edi.segments import COMPONENT, ELEMENT, Separators
from connectors.feeds.profile import X12, Edifact, Function, Profile

_LARGEST_LINE: Final = 1 << 22


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
        self.controls = Controls(container.control_totals, file)
        self.others: dict[str, list[int]] = {}
        """Segments at which messages of other types begin, by type."""
        self.unread: dict[str, tuple[int, int]] = {}
        """By qualifier the first segment and the number of quantities that the profile does not name."""
        self.connection = connection
        self._carried: tuple[Positions, pa.StringArray] | None = None
        self._party: tuple[Positions, pa.StringArray] | None = None
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

    # -- messages --

    def open_message(self, number: int, reference: str) -> Message:
        self.close_open_message()
        message = Message(
            len(self.messages),
            number,
            reference,
            interchange=self.head.interchange,
            interchange_segment=self.head.interchange_segment,
        )
        message.sender = self.head.sender
        self.messages.append(message)
        self.head.message = message
        self.head.store = self.head.currency = self.head.transaction = None
        self.head.dates, self.head.store_dates = {}, {}
        if self.head.is_test and self.settings.test_interchanges == "quarantine":
            message.break_off("test_interchange")
        return message

    def judge_test(self, number: int) -> None:
        """Say that an interchange is marked as a test; the profile may refuse it, or its messages."""
        self.head.is_closed = False
        severity = self.settings.test_interchanges
        if not self.head.is_test or severity == "ignore":
            return
        self.controls.note(f"segment {number}: the interchange is marked as a test")
        if severity == "reject":
            raise RejectedFile(
                "test_interchange",
                "the interchange is marked as a test",
                "ask the partner to send it as production, or state test_interchanges: note in the profile",
                Place(file=self.file, row=number),
            )

    def set_kind(self, message: Message, kind: str) -> None:
        """Read the message's type; what one that the feed does not hold does, the profile says."""
        message.kind = kind
        if kind in self.settings.messages:
            return
        severity = self.settings.other_messages
        if severity == "quarantine":
            message.break_off("unknown_message", kind)
            return
        if severity == "reject":
            raise self._other_messages(f"the file holds a message of the type {kind or '(none)'}", message)
        message.is_other = True
        if severity == "note":
            self.others.setdefault(kind or "(none)", []).append(message.segment)

    def _other_messages(self, problem: str, message: Message) -> RejectedFile:
        named = ", ".join(self.settings.messages)
        return RejectedFile(
            "other_messages",
            f"{problem}; the profile reads {named}",
            "name the type under 'messages' in the profile, or ask the partner for the agreed one",
            Place(file=self.file, row=message.segment, value=message.kind),
        )

    def close_message(self, number: int, tag: str, count: str, reference: str) -> None:
        """Judge a message at its trailer."""
        message = self.head.message
        if message is None:
            self.controls.note(f"segment {number}, {tag}: no message is open")
            return
        found = str(number - message.segment + 1)
        self.check_trailer(number, tag, "the number of segments", count, found, [message])
        self.check_trailer(number, tag, "the message reference", reference, message.reference, [message])
        message.is_closed = True
        self._finish_message(message)
        self.head.message = None

    def close_open_message(self) -> None:
        """A message that another one, or the end of the file, cuts off."""
        message = self.head.message
        if message is None:
            return
        closes = self.family.grammar.closes
        if self.controls.are_asked("trailers"):
            message.break_off("truncated_message", message.reference)
        self.check_trailer(message.segment, closes, "the trailer of the message", "", "no trailer", [message])
        self._finish_message(message)
        self.head.message = None

    def check_trailer(
        self, number: int, tag: str, what: str, stated: str, found: str, concerned: Iterable[Message]
    ) -> None:
        """Compare a count or reference in a trailer with what is there."""
        self.controls.check("trailers", number, tag, what, stated, found, concerned)

    @property
    def of_interchange(self) -> list[Message]:
        """The messages of the interchange so far."""
        return self.messages[self.head.interchange_from :]

    @property
    def of_group(self) -> list[Message]:
        """The messages of the functional group so far."""
        return self.messages[self.head.group_from :]

    def _finish_message(self, message: Message) -> None:
        if not message.kind:
            message.break_off("unknown_message", "")
        message.period = self._head_period() if message.period is None else message.period
        message.date_names = tuple(dict.fromkeys((*self.head.dates, *self.head.store_dates)))

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
        numbers, texts = self._with_parties(numbers, texts, is_last=is_last)
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

    def _with_parties(
        self, numbers: Positions, texts: pa.StringArray, *, is_last: bool
    ) -> tuple[Positions, pa.StringArray]:
        """The run unfolded; a party at its end waits for the address that the next run may begin with."""
        parties = self.family.grammar.parties
        if self._party is not None:
            numbers = np.concatenate([self._party[0], numbers])
            texts = pa.concat_arrays([self._party[1], texts])
            self._party = None
        cut = len(texts)
        while not is_last and cut and texts[cut - 1].as_py().split(ELEMENT)[0].strip().upper() in parties:
            cut -= 1
        if cut < len(texts):
            self._party = (numbers[cut:], texts.slice(cut))
            numbers, texts = numbers[:cut], texts.slice(0, cut)
        return self.family.unfold(numbers, texts)

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
            self.check_trailer(
                self.head.interchange_segment,
                "UNZ or IEA",
                "the end of the interchange",
                "",
                "no trailer",
                self.of_interchange,
            )
        self.controls.check_hash_totals(self.messages)
        for kind, segments in self.others.items():
            self.controls.remark(
                f"segment {segments[0]}: {len(segments)} message(s) of the type {kind}, skipped: the profile "
                f"reads {', '.join(self.settings.messages)}"
            )
        self._refuse_without_figures()
        if self.messages and all(message.is_other for message in self.messages):
            kinds = ", ".join(dict.fromkeys(message.kind or "(none)" for message in self.messages))
            raise self._other_messages(
                f"the file holds messages of other types only: {kinds}", self.messages[0]
            )

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
            self.head.store = text
            self.head.store_dates = {}
            return
        self.family.read_head(self, number, tag, elements)

    def note_unread(self, qualifier: str, segment: int, count: int) -> None:
        """Remember quantities of the standard under a qualifier that the profile does not name."""
        first, so_far = self.unread.get(qualifier, (segment, 0))
        self.unread[qualifier] = (first, so_far + count)

    def _refuse_without_figures(self) -> None:
        """RejectedFile if quantities came and none is read: the period would count as a reported zero."""
        if not self.unread:
            return
        has_rows = self.connection.execute("select count(*) from edi_rows where not is_skipped").fetchone()
        if has_rows != (0,):
            return
        tag = next(iter(self.family.grammar.quantity))
        found = ", ".join(f"{tag} {name} ({count})" for name, (_, count) in self.unread.items())
        qualifier, (segment, _) = next(iter(self.unread.items()))
        raise RejectedFile(
            "no_figures",
            f"the file holds quantities, and none that the profile reads: {found}; without them the period "
            "would count as a reported zero",
            "name the qualifier of what was sold or is in stock under 'quantities' in the profile's "
            "container, those that are neither under 'ignored_quantities'",
            Place(file=self.file, row=segment, value=qualifier),
        )

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
        self.connection.register("incoming", rows.select(names))
        self.connection.execute(cell_sql(self.family.grammar, self.settings, marks))
        self.connection.unregister("incoming")

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
        period = self.profile.period
        day = period_day(first.start, last.end, period.frequency, period.calendar)
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
