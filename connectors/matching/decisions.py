"""What people decided on what partners write: `matches/<kind>.csv` of the company directory.

One line per decision, appended and never changed: who, when, why, and for which days. The newest decision on
what a partner writes and what of ours it may be counts. Products, stores and partners are kept alike. What
belongs here: reading that file with its checks, and adding to it. What does not: what a decision does to
figures (the models), proposals (`connectors.matching.similarity`, `connectors.matching.places`).
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from connectors.contract import OPEN_END
from connectors.errors import ConfigError
from connectors.ruletables import DATES, FIRST_DAY, Row, Table, read_number
from connectors.sheets import harmless, original

KindName = Literal["products", "stores", "partners"]


@dataclass(frozen=True)
class Kind:
    """What is matched: `target` names the column of ours in the file of decisions.

    What is matched is named by a partner (`is_of_partner`), or stands for itself, like a folder of the inbox.
    """

    name: KindName
    target: str
    has_unit: bool = False
    is_of_partner: bool = True

    @property
    def file(self) -> Path:
        return Path("matches") / f"{self.name}.csv"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file, in order."""
        return (
            *(("partner_code",) if self.is_of_partner else ()),
            "reported_code",
            "reported_label",
            self.target,
            *(("unit_code",) if self.has_unit else ()),
            *DATES,
            "decision_code",
            "decided_by",
            "decided_at",
            "match_score",
            "reason",
        )

    @property
    def table(self) -> Table:
        optional = ("reported_label", "match_score", "reason")
        required = tuple(name for name in self.columns if name not in (*optional, *DATES))
        return Table(f"list of matched {self.name}", required, optional, dated=True)


PRODUCTS: Final = Kind("products", "product_code", has_unit=True)
STORES: Final = Kind("stores", "store_code")
PARTNERS: Final = Kind("partners", "partner_code", is_of_partner=False)
KINDS: Final = {kind.name: kind for kind in (PRODUCTS, STORES, PARTNERS)}

_ALWAYS: Final = date.fromisoformat(FIRST_DAY)
_FOREVER: Final = date.fromisoformat(OPEN_END)
_DECISIONS: Final = ("accepted", "rejected")


@dataclass(frozen=True)
class Decision:
    """One person's word on whether what is reported means one of ours.

    `partner_code` is '' and `unit_code` None where the kind has none.
    """

    partner_code: str
    reported_code: str
    reported_label: str | None
    target_code: str
    unit_code: str | None
    decision: Literal["accepted", "rejected"]
    decided_by: str
    decided_at: datetime
    score: Decimal | None = None
    reason: str | None = None
    valid_from: date = _ALWAYS
    valid_to: date = _FOREVER


def load_matches(company: Path, kind: Kind = PRODUCTS) -> list[Row]:
    """All decisions in order, as rows of the contract; ConfigError with file and line at the first fault."""
    path = company / kind.file
    if not path.is_file():
        return []
    lines = kind.table.read(path)
    for row, place in lines:
        if row["decision_code"] not in _DECISIONS:
            raise ConfigError(
                "invalid_decision",
                f"decision_code is {row['decision_code']!r}",
                f"expected one of {', '.join(_DECISIONS)}",
                place,
            )
        try:
            decided_at = datetime.fromisoformat(row["decided_at"])
        except ValueError as error:
            raise ConfigError(
                "invalid_date",
                f"decided_at is {row['decided_at']!r}",
                "expected a time such as 2026-01-31 09:00:00 (UTC)",
                place,
            ) from error
        row["decided_at"] = _instant(decided_at)
        if row["match_score"]:
            read_number(
                row,
                "match_score",
                place,
                digits=6,
                accepts=lambda number: 0 <= number <= 1,
                expected="a number from 0 to 1",
            )
        for name in ("reported_code", "reported_label", "decided_by", "reason"):
            row[name] = original(row[name]) if row[name] else row[name]
    return [row for row, _ in lines]


def add_decisions(company: Path, decisions: Sequence[Decision], kind: Kind = PRODUCTS) -> None:
    """Append decisions. One write, so that two people who decide at the same time do not mix their lines."""
    if not decisions:
        return
    load_matches(company, kind)  # a file with a fault is not added to
    path = company / kind.file
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    if not path.is_file():
        writer.writerow(kind.columns)
    writer.writerows(_line(decision, kind) for decision in decisions)
    needs_newline = path.is_file() and not path.read_bytes().endswith(b"\n")
    with path.open("ab", buffering=0) as file:
        file.write((b"\n" if needs_newline else b"") + text.getvalue().encode())
        os.fsync(file.fileno())


def _line(decision: Decision, kind: Kind) -> list[str]:
    cells = {
        "partner_code": decision.partner_code,
        "reported_code": harmless(decision.reported_code),
        "reported_label": harmless(_one_line(decision.reported_label)),
        kind.target: decision.target_code,
        "unit_code": decision.unit_code or "",
        "valid_from_date": decision.valid_from.isoformat(),
        "valid_to_date": decision.valid_to.isoformat(),
        "decision_code": decision.decision,
        "decided_by": harmless(_one_line(decision.decided_by)),
        "decided_at": _instant(decision.decided_at),
        "match_score": "" if decision.score is None else str(decision.score),
        "reason": harmless(_one_line(decision.reason)),
    }
    return [cells[name] for name in kind.columns]


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _instant(moment: datetime) -> str:
    utc = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return utc.isoformat(sep=" ", timespec="seconds")


def subject(row: Row, kind: Kind) -> tuple[str, str]:
    """Who writes it ('' where nobody does), and what is written."""
    return (row["partner_code"] if kind.is_of_partner else "", row["reported_code"])


def rejected_pairs(rows: Sequence[Row], kind: Kind = PRODUCTS) -> set[tuple[str, str, str]]:
    """Partner, what is reported, and what of ours, of which the newest decision is a rejection."""
    newest = {(*subject(row, kind), row[kind.target]): row["decision_code"] for row in rows}
    return {pair for pair, decision in newest.items() if decision == "rejected"}


def standing_matches(rows: Sequence[Row], kind: Kind = PRODUCTS) -> set[tuple[str, str, str, str]]:
    """Partner, what is reported, what of ours, and time of the acceptances that nobody has taken back."""
    rejected = rejected_pairs(rows, kind)
    return {
        (*subject(row, kind), row[kind.target], row["decided_at"])
        for row in rows
        if row["decision_code"] == "accepted" and (*subject(row, kind), row[kind.target]) not in rejected
    }


def partner_of(company: Path, place: str) -> str | None:
    """The partner whom people accepted for a folder of the inbox or what lies in it; None if nobody did."""
    folder = place.partition("/")[0]
    standing = {match[1:3] for match in standing_matches(load_matches(company, PARTNERS), PARTNERS)}
    accepted = [
        row["partner_code"]
        for row in load_matches(company, PARTNERS)
        if (row["reported_code"], row["partner_code"]) in standing and row["reported_code"] == folder
    ]
    return accepted[-1] if accepted else None
