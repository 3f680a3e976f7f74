"""The rebate engine: 100,000 partner-programme pairs and 10 M lines against a hand-written script.

`python -m benchmarks.rebates` makes the lines, runs the models as dbt compiles them and the script of
`benchmarks.rebates_floor`, holds their rows against one another and writes the section of
`docs/benchmarks.md`. The lines are random and seeded; each belongs to one of 50 families, each family to a
programme, and all 2,000 partners take part in all programmes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.rebates_floor import FLOOR
from connectors.contract import entity
from connectors.rebates import Rebates

ROOT: Final = Path(__file__).parents[1]
AS_OF: Final = "2026-06-30"
PARTNERS: Final = 2_000
PROGRAMMES: Final = 50
MODELS: Final = {
    "int_rebate_purchases_qualified": ("intermediate", "table"),
    "int_rebate_accounts_accumulated": ("intermediate", "table"),
    "int_rebate_conditions_judged": ("intermediate", "view"),
    "fct_rebate_accruals": ("core", "table"),
    "fct_rebate_lines": ("core", "table"),
}
LINES: Final = """
create table core.fct_sell_in as select
    'F' || number || '|1' as invoice_line_id, 'F' || number as invoice_number, 'invoice' as invoice_type,
    null::varchar as original_invoice_number, 'P' || partner as partner_code,
    'P' || partner || '|1900-01-01' as partner_version_id, 'direct' as channel_code,
    'A' || product as product_code, day as invoice_date, day + 30 as due_date,
    quantity::decimal(18,3) as invoiced_quantity,
    (quantity * (1 + product % 90) + 0.37)::decimal(18,4) as net_amount,
    (quantity * (1 + product % 90) + 0.37)::decimal(18,4) as document_net_amount,
    'EUR' as document_currency_code
from (
    select number, hash(number) % {partners} as partner, hash(number, 1) % 1000 as product,
        date '2025-01-01' + (number * 546 // {lines})::int as day, 1 + hash(number, 2) % 20 as quantity
    from range({lines}) t(number)
)
"""
PUBLISHED: Final = ("fct_rebate_accruals", "fct_rebate_lines")
TARGET: Final = 2.0
BEGIN: Final = "<!-- rebates: begin -->"
END: Final = "<!-- rebates: end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--dry", action="store_true", help="print, and leave docs/benchmarks.md as it is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = _compiled(Path(folder))
        seconds, rows = _measure(Path(folder), models, options.lines, options.memory_limit)
    section = _section(options.lines, seconds, rows)
    print(section)
    if not options.dry:
        _write(section)


def _compiled(folder: Path) -> dict[str, str]:
    """The models' statements, by name, in the order in which they are run."""
    environment = {
        **os.environ,
        "AVAL_LANDING": str(folder),
        "AVAL_WAREHOUSE": str(folder / "compile.duckdb"),
        "AVAL_AS_OF": AS_OF,
        "DBT_PROJECT_DIR": str(ROOT / "dbt_project"),
        "DBT_PROFILES_DIR": str(ROOT / "dbt_project"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from dbt.cli.main import cli; cli()",
            "compile",
            "--quiet",
            "--select",
            *MODELS,
        ],
        env=environment,
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    compiled = folder / "target" / "compiled" / "aval" / "models"
    # The database that the statements name is the one they were compiled in.
    return {
        name: (compiled / layer / f"{name}.sql").read_text().replace('"compile".', "")
        for name, (layer, _) in MODELS.items()
    }


def _measure(
    folder: Path, models: dict[str, str], lines: int, memory_limit: str
) -> tuple[dict[str, float], dict[str, int]]:
    """Processor seconds by step, and rows by table; SystemExit if the models and the floor differ."""
    seconds = {}
    with duckdb.connect(
        str(folder / "rebates.duckdb"),
        config={"threads": 2, "memory_limit": memory_limit, "temp_directory": str(folder / "spill")},
    ) as connection:
        _prepare(connection, lines)
        for name, statement in {
            "floor": FLOOR,
            **{
                name: f"create {MODELS[name][1]} {MODELS[name][0]}.{name} as {sql}"
                for name, sql in models.items()
            },
        }.items():
            before = time.process_time()
            connection.execute(statement)
            seconds[name] = time.process_time() - before
        for name in PUBLISHED:
            different = _differences(connection, name)
            if different:
                raise SystemExit(f"{different} rows of {name} differ from what the floor wrote")
        pairs = connection.execute(
            "select count(*) from (select programme_code, partner_code from core.fct_rebate_accruals "
            "group by all)"
        ).fetchone()
        carried = connection.execute("select count(*) from core.fct_rebate_lines").fetchone()
    assert pairs is not None
    assert carried is not None
    return seconds, {"pairs": pairs[0], "carried": carried[0]}


def _differences(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """How many rows of one of both tables the other does not have."""
    columns = ", ".join(row[0] for row in connection.execute(f"describe floor.{name}").fetchall())
    counted = connection.execute(
        f"with ours as (select {columns} from core.{name}), "
        f"floors as (select {columns} from floor.{name}) "
        "select count(*) from ("
        "(from ours except all from floors) union all (from floors except all from ours))"
    ).fetchone()
    assert counted is not None
    return int(counted[0])


def _prepare(connection: duckdb.DuckDBPyConnection, lines: int) -> None:
    for schema in ("staging", "intermediate", "core"):
        connection.execute(f"create schema {schema}")
    connection.execute(
        "create table core.dim_products as select 'A' || number as product_code, "
        f"'F' || number % {PROGRAMMES} as family_code from range(1000) t(number)"
    )
    connection.execute(
        "create table core.dim_partners as select 'P' || number || '|1900-01-01' as partner_version_id, "
        "'P' || number as partner_code, 'direct' as channel_code, null::varchar as segment_code, "
        "null::varchar as territory_code, date '1900-01-01' as valid_from_date, "
        f"date '9999-12-31' as valid_to_date, true as is_current from range({PARTNERS}) t(number)"
    )
    connection.execute(LINES.format(lines=lines, partners=PARTNERS))
    connection.execute(
        "create table core.fct_orders (order_number varchar, order_line_number varchar, "
        "partner_code varchar, partner_version_id varchar, product_code varchar, order_date date, "
        "status_code varchar, ordered_quantity decimal(18,3), net_amount decimal(18,4))"
    )
    connection.execute(
        "create table core.fct_shipments (order_number varchar, order_line_number varchar, "
        "partner_version_id varchar, product_code varchar, arrival_date date, signed_quantity decimal(18,3))"
    )
    connection.execute(
        "create table core.fct_reporting_periods (partner_code varchar, is_expected boolean, "
        "is_of_record boolean, is_reported boolean, due_date date, received_at timestamp, "
        "first_received_at timestamp)"
    )
    connection.execute(
        "create table core.fct_payments (payment_number varchar, invoice_number varchar, "
        "payment_date date, paid_amount decimal(18,4), settled_amount decimal(18,4), "
        "document_paid_amount decimal(18,4), document_settled_amount decimal(18,4), "
        "document_currency_code varchar)"
    )
    connection.execute(
        "create table core.fct_trainings (training_number varchar, partner_code varchar, "
        "training_date date, certification_code varchar, certified_from_date date, "
        "certified_to_date date)"
    )
    connection.execute(
        "create table core.fct_receivables (invoice_number varchar, total_amount decimal(18,4), "
        "document_total_amount decimal(18,4))"
    )
    rebates = _programmes()
    for name, rows in {
        "rebate_programmes": rebates.programme_rows(),
        "rebate_tiers": rebates.tier_rows(),
        "rebate_scopes": rebates.scope_rows(),
    }.items():
        columns = entity("rules", name).columns
        definitions = ", ".join(f"{column.name} {column.type}" for column in columns)
        connection.execute(f"create table staging.stg_rules__{name} ({definitions})")
        marks = ", ".join("?" for _ in columns)
        connection.executemany(
            f"insert into staging.stg_rules__{name} values ({marks})",
            [[row[column.name] for column in columns] for row in rows],
        )


def _programmes() -> Rebates:
    """Half of them by pieces on everything, half by amount in slices."""
    return Rebates.model_validate(
        {
            "programmes": {
                f"R{number}": {
                    "name_fr": f"R{number}",
                    "name_en": f"R{number}",
                    "versions": [
                        {
                            "valid_from": "2025-01-01",
                            "form": ("all_units", "stepped")[number % 2],
                            "measure": ("units", "amount")[number % 2],
                            "products": {"families": [f"F{number}"]},
                            "tiers": [
                                {"from": 100, "rate": "0.02"},
                                {"from": 500, "rate": "0.04"},
                                {"above": 1000, "rate": "0.06"},
                            ],
                        }
                    ],
                }
                for number in range(PROGRAMMES)
            }
        }
    )


def _section(lines: int, seconds: dict[str, float], rows: dict[str, int]) -> str:
    floor = seconds.pop("floor")
    total = sum(seconds.values())
    table = "\n".join(f"| `{name}` | {value:.1f} |" for name, value in seconds.items() if value >= 0.05)
    pairs, carried = rows["pairs"], rows["carried"]
    verdict = "met" if total <= TARGET * floor else "**missed**"
    return f"""## Rebates

{lines:,} invoice lines of 18 months, {pairs:,} pairs of partner and programme, {carried:,} lines
that carry a rebate, in processor time on two threads. {datetime.now(UTC).date()}, {os.cpu_count()}
cores, duckdb {duckdb.__version__}, load at the end {os.getloadavg()[0]:.1f}. `python -m benchmarks.rebates`
measures it again. The floor is `benchmarks/rebates_floor.py`: one plain script that knows these
programmes and lines. Every row of accruals and lines must be the same as the models', to the cent, or the
benchmark fails.

| ratio | in processor time | target | |
|---|---|---|---|
| engine / floor | {total / floor:.2f} | <= {TARGET:.1f} | {verdict} |

| step | processor s |
|---|---|
| floor | {floor:.1f} |
{table}
| all models | {total:.1f} |

{lines / total:,.0f} lines a processor second. All of it is computed anew where something
that it reads has changed."""


def _write(section: str) -> None:
    path = ROOT / "docs" / "benchmarks.md"
    text = path.read_text(encoding="utf-8")
    if BEGIN in text:
        text = text[: text.index(BEGIN)] + text[text.index(END) + len(END) :].lstrip("\n")
    path.write_text(f"{text.rstrip()}\n\n{BEGIN}\n{section}\n{END}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
