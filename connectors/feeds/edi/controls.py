"""What a file of EDI states of itself - counts, references, sums - held against what is there.

Each kind of total has a severity by the profile: a difference is noted, quarantines what it concerns, or
rejects the file. Hash totals are compared when the file ends, because the heads and trailers of a run are
read before its quantities. What belongs here: comparing and keeping what differs. What does not: finding the
figures (`figures`, `reader`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, Literal

from connectors.errors import Place, RejectedFile
from connectors.feeds.edi.messages import Message
from connectors.feeds.profile import ControlTotals

Kind = Literal["trailers", "lines", "hash_totals", "store_totals", "part_totals"]

_FINDINGS_KEPT: Final = 20


class Controls:
    """The control totals of one file: how many hold, how many do not, and the first of those in words."""

    def __init__(self, settings: ControlTotals, file: str) -> None:
        self.findings: list[str] = []
        self.passed = 0
        self.failed = 0
        self._settings = settings
        self._file = file

    def are_asked(self, kind: Kind) -> bool:
        """Whether the profile wants that kind compared at all."""
        return bool(getattr(self._settings, kind) != "ignore")

    def remark(self, text: str) -> None:
        """Keep what a person should know and is no difference."""
        if len(self.findings) < _FINDINGS_KEPT:
            self.findings.append(text)

    def note(self, text: str) -> None:
        """Keep a difference."""
        self.failed += 1
        self.remark(text)

    def holds(self, kind: Kind, number: int, tag: str, what: str, stated: str, found: Sequence[str]) -> bool:
        """Compare a stated total with what is there, of which any may be meant.

        False where the difference quarantines what it concerns; RejectedFile where it rejects the file.
        """
        severity = getattr(self._settings, kind)
        if severity == "ignore":
            return True
        if any(_are_equal(stated, each) for each in found):
            self.passed += 1
            return True
        shown = f"{what} is {stated or 'missing'}, found {found[0] or 'none'}"
        self.note(f"segment {number}, {tag}: {shown}")
        if severity == "reject":
            raise RejectedFile(
                "control_total",
                f"{what} does not fit the file: {stated or 'missing'} stated, {found[0] or 'none'} found",
                f"ask the partner to send it again, or state control_totals.{kind}: note in the profile",
                Place(file=self._file, row=number, column=tag, value=stated),
            )
        return bool(severity != "quarantine")

    def check(
        self,
        kind: Kind,
        number: int,
        tag: str,
        what: str,
        stated: str,
        found: str,
        concerned: Iterable[Message],
    ) -> None:
        """Compare a total of messages; a difference may break them off."""
        if not self.holds(kind, number, tag, what, stated, (found,)):
            for message in concerned:
                message.break_off("control_total", f"{tag} {stated}")

    def check_hash_totals(self, messages: Iterable[Message]) -> None:
        """Compare the hash totals that messages state with the sums of their quantities.

        The standards leave room for which sum is meant: with signs or returns deducted (EDIFACT), with or
        without decimal points (X12).
        """
        for message in messages:
            for number, tag, stated in message.hash_totals:
                total, returned = message.quantity_total, message.returned_total
                candidates = (total, total - 2 * returned, Decimal(message.digit_total))
                found = [shown(value) for value in candidates]
                if not self.holds("hash_totals", number, tag, "the sum of quantities", stated, found):
                    message.break_off("control_total", f"{tag} {stated}")


def number_of(text: str) -> Decimal | None:
    """The number that a quantity's text spells with either decimal mark; None if it spells none."""
    plain = text.strip().replace(",", ".")
    digits = plain.lstrip("+-")
    if not digits or digits.count(".") > 1 or not digits.replace(".", "").isdecimal():
        return None
    return Decimal(plain)


def shown(number: Decimal) -> str:
    """A number without needless zeros."""
    return f"{number.normalize():f}"


def _are_equal(stated: str, found: str) -> bool:
    if stated == found:
        return True
    one, other = number_of(stated), number_of(found)
    return one is not None and one == other
