"""Matching partners' codes with our products: what is open, what is proposed, what people decide.

What is unmatched and what products there are stands in the warehouse; proposals are kept below the data and
can be made again at any time; decisions stand in the company directory. What does not belong here: the score
(`connectors.matching.similarity`), the file of decisions (`connectors.matching.decisions`), the dialogue
(`orchestration.cli_match`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from connectors.contract import OPEN_END
from connectors.errors import AvalError, BusyError, ConfigError
from connectors.landing import atomic_file
from connectors.matching.decisions import (
    Decision,
    add_decisions,
    load_matches,
    rejected_pairs,
    standing_matches,
)
from connectors.ruletables import FIRST_DAY
from connectors.sheets import Cell, SheetRow, read_sheet, write_sheet
from orchestration.settings import Settings

COLUMNS: Final = (
    "key",
    "decision",
    "partner_code",
    "partner_name",
    "reported_code",
    "reported_label",
    "product_code",
    "product_name",
    "unit_code",
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
    """One of our products that a reported code may mean."""

    product_code: str
    product_name: str
    unit_code: str
    score: Decimal
    reasons: str


@dataclass(frozen=True)
class Open:
    """A partner's code that nobody has decided on, with what is at stake and what is proposed, best first."""

    partner_code: str
    partner_name: str
    reported_code: str
    reported_label: str | None
    units: Decimal
    reported_amount: Decimal | None
    amount: Decimal | None
    first_seen: date
    last_seen: date
    candidates: tuple[Candidate, ...] = ()

    @property
    def key(self) -> str:
        return key_of(self.partner_code, self.reported_code)


def key_of(partner_code: str, reported_code: str) -> str:
    """A name of a code that no office program takes for a number, whatever the code is."""
    return f"k{hashlib.sha256(f'{partner_code}|{reported_code}'.encode()).hexdigest()[:12]}"


def _proposals_file(settings: Settings) -> Path:
    return settings.paths.state / "matching" / "products.parquet"


def _warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    path = settings.paths.warehouse
    if not path.is_file():
        raise AvalError("no_warehouse", "there is no warehouse yet", "start `aval run` first")
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as error:
        raise BusyError(
            "warehouse_in_use", "a run holds the warehouse", "wait until it has ended, then try again"
        ) from error


def propose(settings: Settings, threshold: float) -> int:
    """Score our products against all that is unmatched and keep the proposals; returns for how many codes."""
    from connectors.matching import similarity

    decisions = load_matches(settings.paths.company)
    with _warehouse(settings) as connection:
        items = connection.execute(
            "select partner_code, reported_code, reported_label, "
            "cast(unit_price_amount as double) as unit_price "
            "from intermediate.int_unmatched_products_gathered order by partner_code, reported_code"
        ).to_arrow_table()
        products = connection.execute(
            "select product_code, product_name, cast(prices.list_price as double) as list_price "
            "from staging.stg_erp__products left join ("
            "  select product_code, max(unit_price_amount) as list_price from staging.stg_erp__product_prices"
            "  where valid_from_date <= $1 and valid_to_date > $1 group by product_code"
            ") as prices using (product_code) where not is_deleted order by product_code",
            [settings.company.today()],
        ).to_arrow_table()
        units = connection.execute(
            "select product_code, unit_code, cast(base_quantity as double) as base_quantity "
            "from intermediate.int_product_units_completed order by all"
        ).to_arrow_table()
    rejected = pa.Table.from_pylist(
        [
            dict(zip(similarity.REJECTED.names, pair, strict=True))
            for pair in sorted(rejected_pairs(decisions))
        ],
        schema=similarity.REJECTED,
    )
    scored = similarity.score(
        items.cast(similarity.ITEMS),
        products.cast(similarity.PRODUCTS),
        units.cast(similarity.UNITS),
        rejected,
    )
    with duckdb.connect() as connection, atomic_file(_proposals_file(settings)) as part:
        connection.register("scored", scored)
        # The best decides whether a code has a proposal; others stand beside it.
        connection.execute(
            "create table kept as select * from scored semi join "
            "(select partner_code, reported_code from scored where rank = 1 and score >= $1) "
            "using (partner_code, reported_code)",
            [threshold],
        )
        connection.execute("copy kept to ? (format parquet)", [str(part)])
        row = connection.execute("select count(*) from kept where rank = 1").fetchone()
    return int(row[0]) if row else 0


def open_codes(settings: Settings) -> list[Open]:
    """All codes that wait for a decision, most valuable first, with what is proposed for them.

    A code with an accepted match waits for the next run, not for a person; if it is still unmatched after
    that (on other days, say), it is open again.
    """
    decisions = load_matches(settings.paths.company)
    with _warehouse(settings) as connection:
        _register(
            connection,
            "accepted",
            sorted(standing_matches(decisions)),
            ("partner_code", "reported_code", "product_code", "decided_at"),
        )
        _register(
            connection,
            "rejected",
            sorted(rejected_pairs(decisions)),
            ("partner_code", "reported_code", "product_code"),
        )
        connection.register("kept", _proposals(settings))
        rows = connection.execute(
            """
            with waiting as (
                select distinct partner_code, reported_code from accepted
                anti join (
                    select partner_code, reported_code, product_code,
                        strftime(decided_at, '%Y-%m-%d %H:%M:%S') as decided_at
                    from staging.stg_rules__product_matches
                ) as landed using (partner_code, reported_code, product_code, decided_at)
            ),
            prices as (
                select product_code, max(unit_price_amount) as list_price
                from staging.stg_erp__product_prices
                where valid_from_date <= $1 and valid_to_date > $1 group by product_code
            ),
            partners as (
                select partner_code, max(partner_name) as partner_name from core.dim_partners group by all
            ),
            proposed as (
                select * from kept anti join rejected using (partner_code, reported_code, product_code)
            ),
            found as (
                select
                    gathered.partner_code,
                    coalesce(partners.partner_name, gathered.partner_code) as partner_name,
                    gathered.reported_code,
                    gathered.reported_label,
                    gathered.net_quantity_in_unit as units,
                    gathered.net_amount as reported_amount,
                    coalesce(
                        gathered.net_amount,
                        round(gathered.net_quantity_in_unit * units.base_quantity * prices.list_price, 2)
                    ) as amount,
                    gathered.first_seen_date,
                    gathered.last_seen_date,
                    proposed.product_code,
                    proposed.product_name,
                    proposed.unit_code,
                    cast(proposed.score as decimal(9, 4)) as score,
                    proposed.reasons,
                    proposed.rank
                from intermediate.int_unmatched_products_gathered as gathered
                anti join waiting using (partner_code, reported_code)
                left join partners using (partner_code)
                left join proposed using (partner_code, reported_code)
                left join prices on prices.product_code = proposed.product_code
                left join intermediate.int_product_units_completed as units
                    on units.product_code = proposed.product_code and units.unit_code = proposed.unit_code
            )
            select * from found
            order by
                first_value(amount) over (partition by partner_code, reported_code order by rank)
                    desc nulls last,
                units desc, partner_code, reported_code, rank
            """,
            [settings.company.today()],
        ).fetchall()
    found: dict[tuple[str, str], Open] = {}
    for row in rows:
        key = (row[0], row[2])
        known = found.get(key) or Open(*row[:9])
        candidates = (Candidate(*row[9:14]),) if row[9] is not None else ()
        found[key] = replace(known, candidates=known.candidates + candidates)
    return list(found.values())


def _proposals(settings: Settings) -> pa.Table:
    """The kept proposals; none before the first `propose`."""
    import pyarrow.parquet as pq

    from connectors.matching.similarity import PROPOSALS

    file = _proposals_file(settings)
    return pq.read_table(file) if file.is_file() else PROPOSALS.empty_table()


def _register(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Sequence[str]], columns: Sequence[str]
) -> None:
    columns_of = {
        column: pa.array([row[place] for row in rows], pa.string()) for place, column in enumerate(columns)
    }
    connection.register(name, pa.table(columns_of))


def units_of_products(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The units of each product that the ERP has, the smallest first."""
    with _warehouse(settings) as connection:
        rows = connection.execute(
            "select product_code, list(unit_code order by base_quantity, unit_code) "
            "from intermediate.int_product_units_completed group by product_code"
        ).fetchall()
    return {code: tuple(units) for code, units in rows}


def accept(code: Open, candidate: Candidate, by: str, now: datetime, reason: str = "") -> Decision:
    """The decision that a code means a proposed product, for all days."""
    return Decision(
        code.partner_code,
        code.reported_code,
        code.reported_label,
        candidate.product_code,
        candidate.unit_code,
        "accepted",
        by,
        now,
        candidate.score,
        reason or candidate.reasons,
    )


def reject(code: Open, by: str, now: datetime) -> list[Decision]:
    """The decisions that a code means none of the proposed products."""
    return [replace(accept(code, candidate, by, now), decision="rejected") for candidate in code.candidates]


def export_open(settings: Settings, path: Path) -> int:
    """Write all open codes as a table that people fill in; returns how many there are."""
    codes = open_codes(settings)
    write_sheet(path, COLUMNS, (_sheet_row(code) for code in codes), settings.company.locale)
    return len(codes)


def _sheet_row(code: Open) -> list[Cell]:
    best = code.candidates[0] if code.candidates else None
    others = "; ".join(
        f"{item.product_code} {item.product_name} ({item.score})" for item in code.candidates[1:]
    )
    return [
        code.key,
        None,
        code.partner_code,
        code.partner_name,
        code.reported_code,
        code.reported_label,
        best.product_code if best else None,
        best.product_name if best else None,
        best.unit_code if best else None,
        best.score if best else None,
        best.reasons if best else None,
        others or None,
        code.amount,
        code.units,
        code.first_seen,
        code.last_seen,
        None,
        None,
        None,
    ]


def import_decisions(settings: Settings, path: Path, by: str, now: datetime) -> list[Decision]:
    """Read a table that people filled in and keep its decisions: all of them, or none and an error."""
    rows = [
        row
        for row in read_sheet(path, ("key", "decision", "product_code", "unit_code"))
        if row.cells["decision"]
    ]
    known = load_matches(settings.paths.company)
    codes = {code.key: code for code in open_codes(settings)}
    settled = {key_of(row["partner_code"], row["reported_code"]) for row in known}
    units = units_of_products(settings)
    read = [_decision(row, codes, settled, units, by, now) for row in rows]
    rejected = rejected_pairs(known)
    decisions = [
        decision
        for decision in read
        if decision is not None
        and not (
            decision.decision == "rejected"
            and (decision.partner_code, decision.reported_code, decision.product_code) in rejected
        )
    ]
    add_decisions(settings.paths.company, decisions)
    return decisions


def _decision(
    row: SheetRow,
    codes: Mapping[str, Open],
    settled: Iterable[str],
    units: Mapping[str, tuple[str, ...]],
    by: str,
    now: datetime,
) -> Decision | None:
    """The decision in a row; None where the code has been decided since the table was written."""
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
    proposed = next((item for item in code.candidates if item.product_code == cells["product_code"]), None)
    product, unit = cells["product_code"], cells["unit_code"]
    if product not in units:
        raise ConfigError(
            "unknown_product",
            "the ERP has no such product",
            "write one of our product codes",
            row.at("product_code"),
        )
    if unit not in units[product]:
        raise ConfigError(
            "unknown_unit",
            f"{product} has no such unit",
            f"write one of {', '.join(units[product])}",
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
        product,
        unit,
        "accepted" if word == "accepted" else "rejected",
        by,
        now,
        proposed.score if proposed else None,
        comment,
        valid_from,
        valid_to,
    )
