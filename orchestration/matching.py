"""Matching what partners write with what is ours: what is open, what is proposed, what people decide.

Products, stores and partners take one way: a `Matter` says what is open and proposes, all else is shared.
Proposals are kept below the data and can be made again at any time; decisions stand in the company
directory. What does not belong here: what is open and how it is scored (`orchestration.matching_products`,
`matching_stores`, `matching_partners`), the file of decisions (`connectors.matching.decisions`), the dialogue
(`orchestration.cli_match`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.contract import OPEN_END
from connectors.errors import AvalError, BusyError, ConfigError
from connectors.landing import atomic_file
from connectors.matching.decisions import (
    Decision,
    Kind,
    KindName,
    add_decisions,
    load_matches,
    rejected_pairs,
    standing_matches,
    subject,
)
from connectors.matching.places import Likeness
from connectors.ruletables import FIRST_DAY
from connectors.sheets import Cell, SheetRow, read_sheet, write_sheet
from orchestration.settings import Settings

PROPOSALS: Final = pa.schema(
    [
        ("partner_code", pa.string()),
        ("reported_code", pa.string()),
        ("rank", pa.int64()),
        ("target_code", pa.string()),
        ("target_name", pa.string()),
        ("unit_code", pa.string()),
        ("score", pa.float64()),
        ("reasons", pa.string()),
    ]
)
_WORDS: Final = {
    "a": "accepted",
    "accept": "accepted",
    "accepted": "accepted",
    "accepter": "accepted",
    "accepté": "accepted",
    "oui": "accepted",
    "yes": "accepted",
    "r": "rejected",
    "reject": "rejected",
    "rejected": "rejected",
    "rejeter": "rejected",
    "rejeté": "rejected",
    "non": "rejected",
    "no": "rejected",
}


@dataclass(frozen=True)
class Candidate:
    """One of ours that what is reported may mean; `unit_code` for products only."""

    target_code: str
    target_name: str
    unit_code: str | None
    score: Decimal
    reasons: str


@dataclass(frozen=True)
class Open:
    """What nobody has decided on, with what is at stake and what is proposed, best first.

    `units` and amounts are None where nothing is known of them; `partner_code` is '' where no partner is.
    """

    partner_code: str
    partner_name: str
    reported_code: str
    reported_label: str | None
    units: Decimal | None
    reported_amount: Decimal | None
    amount: Decimal | None
    first_seen: date | None
    last_seen: date | None
    candidates: tuple[Candidate, ...] = ()

    @property
    def key(self) -> str:
        return key_of(self.partner_code, self.reported_code)


class Matter(Protocol):
    """One kind of things that are matched."""

    kind: Kind
    threshold: float
    """Score from which something is proposed, unless a person names another."""

    def unmatched(self, settings: Settings) -> list[Open]:
        """What no exact identifier and no decision in use matches."""

    def in_use(self, settings: Settings) -> set[tuple[str, str, str, str]]:
        """Partner, what is reported, what of ours and time of the acceptances that the last run used."""

    def proposals(self, settings: Settings, rejected: set[tuple[str, str, str]]) -> pa.Table:
        """What each unmatched thing may be, scored (PROPOSALS); not what a person has rejected."""

    def targets(self, settings: Settings) -> Mapping[str, tuple[str, ...]]:
        """What of ours may be chosen, with its units, the smallest first (none where it has none)."""

    def valued(self, settings: Settings, codes: Sequence[Open]) -> list[Open]:
        """The same with an amount estimated where the partner reports none and something is proposed."""


def matter_of(kind: KindName) -> Matter:
    """The matter of that name."""
    from orchestration.matching_partners import PartnerMatter
    from orchestration.matching_products import ProductMatter
    from orchestration.matching_stores import StoreMatter

    matters: dict[KindName, Matter] = {
        "products": ProductMatter(),
        "stores": StoreMatter(),
        "partners": PartnerMatter(),
    }
    return matters[kind]


def key_of(partner_code: str, reported_code: str) -> str:
    """A name of a code that no office program takes for a number, whatever the code is."""
    return f"k{hashlib.sha256(f'{partner_code}|{reported_code}'.encode()).hexdigest()[:12]}"


def _proposals_file(settings: Settings, kind: Kind) -> Path:
    return settings.paths.state / "matching" / f"proposed_{kind.name}.parquet"


@contextmanager
def warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The working warehouse, opened for reading; AvalError where there is none or a run holds it."""
    path = settings.paths.warehouse
    if not path.is_file():
        raise AvalError("no_warehouse", f"there is no warehouse yet at {path}", "start `aval run` first")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as error:
        raise BusyError(
            "warehouse_in_use", "a run holds the warehouse", "wait until it has ended, then try again"
        ) from error
    try:
        yield connection
    finally:
        connection.close()


def propose(settings: Settings, matter: Matter, threshold: float | None = None) -> int:
    """Score what is ours against all that is unmatched and keep it; returns for how many there is something.

    The best decides whether anything is proposed; others stand beside it.
    """
    least = matter.threshold if threshold is None else threshold
    rejected = rejected_pairs(load_matches(settings.paths.company, matter.kind), matter.kind)
    scored = matter.proposals(settings, rejected).cast(PROPOSALS).to_pylist()
    good = {
        (row["partner_code"], row["reported_code"])
        for row in scored
        if row["rank"] == 1 and row["score"] >= least
    }
    kept = [row for row in scored if (row["partner_code"], row["reported_code"]) in good]
    with atomic_file(_proposals_file(settings, matter.kind)) as part:
        pq.write_table(pa.Table.from_pylist(kept, PROPOSALS), part)
    return len(good)


def proposals_of(found: Iterable[Likeness]) -> pa.Table:
    """Likenesses of places as proposals."""
    rows = [
        {
            "partner_code": item.partner_code,
            "reported_code": item.reported_code,
            "rank": item.rank,
            "target_code": item.target.code,
            "target_name": ", ".join(filter(None, (item.target.name, item.target.city))),
            "score": item.score,
            "reasons": item.reasons,
        }
        for item in found
    ]
    return pa.Table.from_pylist(rows, PROPOSALS)


def _proposed(settings: Settings, kind: Kind) -> dict[tuple[str, str], tuple[Candidate, ...]]:
    """What the last `propose` kept, best first; nothing before the first one."""
    file = _proposals_file(settings, kind)
    rows = pq.read_table(file).to_pylist() if file.is_file() else []
    found: dict[tuple[str, str], tuple[Candidate, ...]] = {}
    for row in sorted(rows, key=lambda row: row["rank"]):
        score = Decimal(str(row["score"])).quantize(Decimal("0.0001"))
        candidate = Candidate(row["target_code"], row["target_name"], row["unit_code"], score, row["reasons"])
        key = (row["partner_code"], row["reported_code"])
        found[key] = (*found.get(key, ()), candidate)
    return found


def open_codes(settings: Settings, matter: Matter) -> list[Open]:
    """All that waits for a decision, most valuable first, with what is proposed for it.

    What has an accepted match waits for the next run, not for a person; if it is still unmatched after that
    (on other days, say), it is open again.
    """
    kind = matter.kind
    decisions = load_matches(settings.paths.company, kind)
    used = matter.in_use(settings)
    waiting = {match[:2] for match in standing_matches(decisions, kind) if match not in used}
    rejected = rejected_pairs(decisions, kind)
    proposed = _proposed(settings, kind)
    codes = []
    for code in matter.unmatched(settings):
        name = (code.partner_code, code.reported_code)
        if name not in waiting:
            left = (item for item in proposed.get(name, ()) if (*name, item.target_code) not in rejected)
            codes.append(replace(code, candidates=tuple(left)))
    return sorted(
        matter.valued(settings, codes),
        key=lambda code: (
            code.amount is None,
            -(code.amount or 0),
            -(code.units or 0),
            code.partner_code,
            code.reported_code,
        ),
    )


def accept(code: Open, candidate: Candidate, by: str, now: datetime, reason: str = "") -> Decision:
    """The decision that what is reported means a proposed one of ours, for all days."""
    return Decision(
        code.partner_code,
        code.reported_code,
        code.reported_label,
        candidate.target_code,
        candidate.unit_code,
        "accepted",
        by,
        now,
        candidate.score,
        reason or candidate.reasons,
    )


def reject(code: Open, by: str, now: datetime) -> list[Decision]:
    """The decisions that what is reported means none of the proposed ones."""
    return [replace(accept(code, candidate, by, now), decision="rejected") for candidate in code.candidates]


def columns_of(kind: Kind) -> tuple[str, ...]:
    """The columns of the table that people fill in."""
    partner = ("partner_code", "partner_name") if kind.is_of_partner else ()
    unit = ("unit_code",) if kind.has_unit else ()
    name = f"{kind.target.removesuffix('_code')}_name"
    return (
        "key",
        "decision",
        *partner,
        "reported_code",
        "reported_label",
        kind.target,
        name,
        *unit,
        "score",
        "reasons",
        "others",
        "amount_at_stake",
        "units_at_stake",
        "first_seen_date",
        "last_seen_date",
        "valid_from_date",
        "valid_to_date",
        "comment",
    )


def export_open(settings: Settings, matter: Matter, path: Path) -> int:
    """Write all that is open as a table that people fill in; returns how many rows there are."""
    codes = open_codes(settings, matter)
    header = columns_of(matter.kind)
    rows = (_sheet_row(code, matter.kind) for code in codes)
    write_sheet(path, header, ([row.get(name) for name in header] for row in rows), settings.company.locale)
    return len(codes)


def _sheet_row(code: Open, kind: Kind) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        "key": code.key,
        "reported_code": code.reported_code,
        "reported_label": code.reported_label,
        "amount_at_stake": code.amount,
        "units_at_stake": code.units,
        "first_seen_date": code.first_seen,
        "last_seen_date": code.last_seen,
    }
    if kind.is_of_partner:
        cells |= {"partner_code": code.partner_code, "partner_name": code.partner_name}
    if code.candidates:
        best, *others = code.candidates
        cells |= {
            kind.target: best.target_code,
            f"{kind.target.removesuffix('_code')}_name": best.target_name,
            "unit_code": best.unit_code,
            "score": best.score,
            "reasons": best.reasons,
            "others": "; ".join(f"{item.target_code} {item.target_name} ({item.score})" for item in others)
            or None,
        }
    return cells


def import_decisions(
    settings: Settings, matter: Matter, path: Path, by: str, now: datetime
) -> list[Decision]:
    """Read a table that people filled in and keep its decisions: all of them, or none and an error."""
    kind = matter.kind
    required = ("key", "decision", kind.target, *(("unit_code",) if kind.has_unit else ()))
    rows = [row for row in read_sheet(path, required) if row.cells["decision"]]
    known = load_matches(settings.paths.company, kind)
    codes = {code.key: code for code in open_codes(settings, matter)}
    settled = {key_of(*subject(row, kind)) for row in known}
    targets = matter.targets(settings)
    read = [_decision(row, kind, codes, settled, targets, by, now) for row in rows]
    _refuse_contradictions(rows, read, kind)
    rejected = rejected_pairs(known, kind)
    decisions = [
        decision
        for decision in read
        if decision is not None
        and not (
            decision.decision == "rejected"
            and (decision.partner_code, decision.reported_code, decision.target_code) in rejected
        )
    ]
    add_decisions(settings.paths.company, decisions, kind)
    return decisions


def _refuse_contradictions(rows: Sequence[SheetRow], read: Sequence[Decision | None], kind: Kind) -> None:
    """Two rows of one code that cannot both hold: which of them was meant, only who wrote them knows."""
    former: dict[str, list[tuple[SheetRow, Decision]]] = {}
    for row, decision in zip(rows, read, strict=True):
        if decision is None:
            continue
        others = former.setdefault(row.cells["key"], [])
        for other_row, other in others:
            if _contradict(decision, other):
                raise ConfigError(
                    "decided_twice",
                    f"row {other_row.place.row} decides otherwise on the same code",
                    "keep one of the two rows, or give each dates of its own",
                    row.at(kind.target),
                )
        others.append((row, decision))


def _contradict(one: Decision, other: Decision) -> bool:
    is_same = one.target_code == other.target_code and one.unit_code == other.unit_code
    if one.decision != other.decision:
        return one.target_code == other.target_code
    overlap = one.valid_from < other.valid_to and other.valid_from < one.valid_to
    return one.decision == "accepted" and overlap and not is_same


def _decision(
    row: SheetRow,
    kind: Kind,
    codes: Mapping[str, Open],
    settled: Iterable[str],
    targets: Mapping[str, tuple[str, ...]],
    by: str,
    now: datetime,
) -> Decision | None:
    """The decision in a row; None where it has been decided since the table was written."""
    cells = row.cells
    word = _WORDS.get(cells["decision"].casefold())
    if word is None:
        raise ConfigError(
            "invalid_decision", "no decision", "write accept or reject, or leave it empty", row.at("decision")
        )
    code = codes.get(cells["key"])
    if code is None:
        if cells["key"] in settled:
            return None
        raise ConfigError(
            "unknown_key", "no open code has this key", "keep the key of the exported file", row.at("key")
        )
    target = cells[kind.target]
    proposed = next((item for item in code.candidates if item.target_code == target), None)
    if target not in targets:
        noun = kind.name.removesuffix("s")
        raise ConfigError(
            f"unknown_{noun}",
            f"we have no such {noun}",
            f"write one of our {noun} codes",
            row.at(kind.target),
        )
    unit = cells["unit_code"] if kind.has_unit else None
    if unit is not None and unit not in targets[target]:
        raise ConfigError(
            "unknown_unit",
            f"{target} has no such unit",
            f"write one of {', '.join(targets[target])}",
            row.at("unit_code"),
        )
    valid_from = row.date("valid_from_date") or date.fromisoformat(FIRST_DAY)
    valid_to = row.date("valid_to_date") or date.fromisoformat(OPEN_END)
    if valid_from >= valid_to:
        raise ConfigError(
            "invalid_range",
            "valid_to_date is not after valid_from_date",
            "valid_to_date is the first day on which the match no longer holds",
            row.at("valid_to_date"),
        )
    comment = cells.get("comment") or (proposed.reasons if proposed else "")
    return Decision(
        code.partner_code,
        code.reported_code,
        code.reported_label,
        target,
        unit,
        "accepted" if word == "accepted" else "rejected",
        by,
        now,
        proposed.score if proposed else None,
        comment,
        valid_from,
        valid_to,
    )
