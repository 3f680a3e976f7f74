"""What people decided on partners' codes: `matches/products.csv` of the company directory.

One line per decision, appended and never changed: who, when, why, and for which days. The newest decision on
a code and a product counts. What belongs here: reading that file with its checks, and adding to it. What does
not: what a decision does to figures (the models), proposals (`connectors.matching.similarity`).
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
from connectors.ruletables import FIRST_DAY, Row, Table, read_number
from connectors.sheets import harmless, original

FILE: Final = Path("matches") / "products.csv"
TABLE: Final = Table(
    "list of matches",
    (
        "partner_code",
        "reported_code",
        "product_code",
        "unit_code",
        "decision_code",
        "decided_by",
        "decided_at",
    ),
    optional=("reported_label", "match_score", "reason"),
    dated=True,
)
_COLUMNS: Final = (
    "partner_code",
    "reported_code",
    "reported_label",
    "product_code",
    "unit_code",
    "valid_from_date",
    "valid_to_date",
    "decision_code",
    "decided_by",
    "decided_at",
    "match_score",
    "reason",
)
_ALWAYS: Final = date.fromisoformat(FIRST_DAY)
_FOREVER: Final = date.fromisoformat(OPEN_END)
_DECISIONS: Final = ("accepted", "rejected")


@dataclass(frozen=True)
class Decision:
    """One person's word on whether a partner's code means a product of ours."""

    partner_code: str
    reported_code: str
    reported_label: str | None
    product_code: str
    unit_code: str
    decision: Literal["accepted", "rejected"]
    decided_by: str
    decided_at: datetime
    score: Decimal | None = None
    reason: str | None = None
    valid_from: date = _ALWAYS
    valid_to: date = _FOREVER


def load_matches(company: Path) -> list[Row]:
    """All decisions in order, as rows of the contract; ConfigError with file and line at the first fault."""
    path = company / FILE
    if not path.is_file():
        return []
    lines = TABLE.read(path)
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


def add_decisions(company: Path, decisions: Sequence[Decision]) -> None:
    """Append decisions. One write, so that two people who decide at the same time do not mix their lines."""
    if not decisions:
        return
    load_matches(company)  # a file with a fault is not added to
    path = company / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    if not path.is_file():
        writer.writerow(_COLUMNS)
    writer.writerows(_line(decision) for decision in decisions)
    needs_newline = path.is_file() and not path.read_bytes().endswith(b"\n")
    with path.open("ab", buffering=0) as file:
        file.write((b"\n" if needs_newline else b"") + text.getvalue().encode())
        os.fsync(file.fileno())


def _line(decision: Decision) -> list[str]:
    return [
        decision.partner_code,
        harmless(decision.reported_code),
        harmless(_one_line(decision.reported_label)),
        decision.product_code,
        decision.unit_code,
        decision.valid_from.isoformat(),
        decision.valid_to.isoformat(),
        decision.decision,
        harmless(_one_line(decision.decided_by)),
        _instant(decision.decided_at),
        "" if decision.score is None else str(decision.score),
        harmless(_one_line(decision.reason)),
    ]


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _instant(moment: datetime) -> str:
    utc = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return utc.isoformat(sep=" ", timespec="seconds")


def rejected_pairs(rows: Sequence[Row]) -> set[tuple[str, str, str]]:
    """Partner, reported code and product of which the newest decision is a rejection."""
    newest = {
        (row["partner_code"], row["reported_code"], row["product_code"]): row["decision_code"] for row in rows
    }
    return {pair for pair, decision in newest.items() if decision == "rejected"}


def standing_matches(rows: Sequence[Row]) -> set[tuple[str, str, str, str]]:
    """Partner, reported code, product and time of the acceptances that nobody has taken back."""
    rejected = rejected_pairs(rows)
    return {
        (row["partner_code"], row["reported_code"], row["product_code"], row["decided_at"])
        for row in rows
        if row["decision_code"] == "accepted"
        and (row["partner_code"], row["reported_code"], row["product_code"]) not in rejected
    }
