"""What a message does to those before it: original, replacement, addition, cancellation or copy.

What belongs here: which messages of a file count, which documents they end, and which periods they report
without a line. What does not: keeping documents (`connectors.ledger`), reading messages (`reader`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import duckdb

from connectors.feeds.edi.messages import STOCK_REPORTS, Message, day_of
from connectors.feeds.edi.reader import Reader
from connectors.feeds.normalise.layout import file_span
from connectors.feeds.periods import Span, span_of


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


Mode = Literal["slice", "none"]
"""What a document does to the live reports of its periods: supersede them all, or stand beside them."""


@dataclass(frozen=True)
class Retirement:
    """A document that a message of this file takes back, in the periods named (all when empty)."""

    message: int
    document: str
    period_keys: tuple[str, ...]


def _names(message: Message) -> tuple[str, ...]:
    """What a message is called by who sends it."""
    return (message.interchange, message.reference, message.kind, message.document, message.function_code)


_ORIGINALS: Final = ("", "9", "00")
_ROWS: Final = "select columns(* exclude (number, message)) from edi_rows where message = "
_DIFFERENCE: Final = f"""
    (({_ROWS} $1) except all ({_ROWS} $2)) union all (({_ROWS} $2) except all ({_ROWS} $1)) limit 1
"""
"""A row that one of two messages has and the other one does not."""


class Corrections:
    """What the functions of the messages do to one another and to what has come before."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, reader: Reader, known: Known) -> None:
        self.reader = reader
        self.known = known
        self._connection = connection
        self.skipped: set[tuple[int, str | None]] = set()
        self.modes: dict[str, Mode] = {}
        self.retired: list[Retirement] = []
        self.silent: list[Span] = []
        self.unsold: set[str] = set()
        self._periods: dict[int, list[str]] = {}
        for number, period in connection.execute(
            "select distinct message, period from edi_rows where message is not null and not is_skipped "
            "and fault is null order by all"
        ).fetchall():
            self._periods.setdefault(number, []).append(period)
        self._file_span = file_span(reader.profile, reader.file, None)

    def work(self) -> None:
        earlier: list[Message] = []
        for message in self.reader.messages:
            if message.fault is None and not message.is_other:
                self._apply(message, earlier)
                earlier.append(message)

    def _apply(self, message: Message, earlier: list[Message]) -> None:
        if self._is_sent_again(message, earlier):
            self.skipped.add((message.number, None))
            return
        if message.function in ("cancel", "replace"):
            self._correct(message, earlier)
        if message.function == "cancel":
            self.skipped.add((message.number, None))
            return
        if message.function == "copy":
            self._leave_out_known(message, earlier)
        if message.function == "add" and message.function_code in _ORIGINALS:
            self._note_known(message)
        mode: Mode = "slice" if message.function in ("original", "replace") else "none"
        if message.function == "replace" and any(item.message == message.number for item in self.retired):
            mode = "none"
        if self.modes.get(message.document) != "slice":
            self.modes[message.document] = mode
        if message.number not in self._periods and message.function in ("original", "replace"):
            span = self._span(message.period)
            self.silent += [span] if span is not None else []
            if span is not None and message.kind not in STOCK_REPORTS:
                self.unsold.add(span.key)

    def _is_sent_again(self, message: Message, earlier: list[Message]) -> bool:
        """Whether an interchange that stands twice in the file brings the message again."""
        for former in earlier:
            if _names(former) != _names(message) or former.interchange_segment == message.interchange_segment:
                continue
            difference = self._connection.execute(_DIFFERENCE, [former.number, message.number]).fetchone()
            if difference is None:
                self.reader.controls.remark(
                    f"segment {message.segment}: message {message.reference} of interchange "
                    f"{message.interchange} stands twice in the file, first at segment {former.segment}; "
                    "it counts once"
                )
                return True
        return False

    def _correct(self, message: Message, earlier: list[Message]) -> None:
        """Take out what the message replaces or cancels: earlier in this file, or in the ledger."""
        found = False
        for former in earlier:
            # The parts of one document stand in one interchange; a later one corrects.
            sibling = (
                former.function == message.function
                and former.document == message.document
                and former.interchange_segment == message.interchange_segment
            )
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
            self.reader.controls.note(f"segment {message.segment}: cancels {named}, which has not come")

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

    def _note_known(self, message: Message) -> None:
        """An original that the profile lets add may be one that is sent again: nothing tells."""
        if message.document and self.known.is_live(message.document):
            self.reader.controls.remark(
                f"segment {message.segment}: {message.document} has come before and still counts; both do, "
                "for the profile lets an original add"
            )

    def _span(self, text: str | None) -> Span | None:
        if self._file_span is not None:
            return self._file_span
        day = day_of(text) if text and len(text) == 8 else None
        period = self.reader.profile.period
        return span_of(day, period.frequency, period.calendar) if day else None
