"""Tryton: what is pulled from a real Tryton database equals what Tryton itself says.

The database (tests/fixtures/tryton) was made with Tryton 8.2: two distributors, three sales, one of them a
return. By hand: invoice 1 = 120 x 3.50 + 60 x 4.68 (5.20 less 10 %) = 420.00 + 280.80 = 700.80, invoice 2 =
40 x 7.90 = 316.00, credit note 3 = -5 x 7.90 = -39.50. Tryton on SQLite keeps a decimal as the bytes of its
writing, so changes made here do the same (`_decimal`).
"""

from __future__ import annotations

import csv
import lzma
import sqlite3
import subprocess
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from connectors.company import Company, Paths
from connectors.contract import ERP_ENTITIES
from connectors.erp.pull import PullSummary, pull_erp
from connectors.ledger import Ledger

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "tryton"
NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


class Tryton:
    """A Tryton database and a pull on it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.paths = Paths(folder / "company", folder / "data")

    def pull(self, *entities: str) -> PullSummary:
        company = Company.model_validate(
            {
                "company": {"code": "savonnerie", "name": "Savonnerie Exemple"},
                "erp": {"kind": "tryton", "url": self.url, "retries": 0},
                "inbox": {"path": "inbox"},
            }
        )
        with Ledger(self.paths.ledger) as ledger:
            return pull_erp(self.paths, company, ledger, now=NOW, entities=entities or None)

    def landed(self, entity: str, columns: str) -> list[tuple[Any, ...]]:
        """The newest version of every landed row, in order of its columns."""
        return duckdb.sql(
            f"select {columns} from '{self.paths.landing}/erp/{entity}/*.parquet' order by all"
        ).fetchall()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "demo.sqlite"
    file.write_bytes(lzma.decompress((FIXTURES / "demo.sqlite.xz").read_bytes()))
    return file


@pytest.fixture
def tryton(tmp_path: Path, database: Path) -> Tryton:
    return Tryton(tmp_path, f"sqlite:///{database}")


def _change(database: Path, *statements: str) -> None:
    connection = sqlite3.connect(database)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def _decimal(text: str) -> str:
    return f"x'{text.encode().hex()}'"


def _net_by_invoice(tryton: Tryton) -> dict[str, Decimal]:
    net: dict[str, Decimal] = defaultdict(Decimal)
    for number, amount in tryton.landed("invoice_lines", "invoice_number, net_amount"):
        net[number] += amount
    return net


def test_invoice_lines_are_those_worked_out_by_hand(tryton: Tryton) -> None:
    tryton.pull("invoice_lines")

    columns = (
        "invoice_number, invoice_type, credit_reason_code, partner_code, product_code, invoiced_quantity, "
        "gross_amount, standard_discount_amount, exceptional_discount_amount, net_amount, order_number"
    )
    d = Decimal
    assert tryton.landed("invoice_lines", columns) == [
        (
            "1",
            "invoice",
            None,
            "2",
            "GEL250",
            d("60.000"),
            d("312.0000"),
            d(0),
            d("31.2000"),
            d("280.8000"),
            "1",
        ),
        ("1", "invoice", None, "2", "SAV100", d("120.000"), d("420.0000"), d(0), d(0), d("420.0000"), "1"),
        ("2", "invoice", None, "3", "CRE050", d("40.000"), d("316.0000"), d(0), d(0), d("316.0000"), "2"),
        (
            "3",
            "credit_note",
            "return",
            "3",
            "CRE050",
            d("-5.000"),
            d("-39.5000"),
            d(0),
            d(0),
            d("-39.5000"),
            "3",
        ),
    ]


def test_net_per_invoice_is_the_untaxed_amount_that_tryton_keeps(tryton: Tryton, database: Path) -> None:
    tryton.pull("invoice_lines")
    connection = sqlite3.connect(database)
    kept = {
        number: Decimal(amount.decode())
        for number, amount in connection.execute(
            "select number, untaxed_amount_cache from account_invoice where type = 'out' and state = 'posted'"
        )
    }
    connection.close()

    assert (
        _net_by_invoice(tryton)
        == kept
        == {"1": Decimal("700.80"), "2": Decimal("316.00"), "3": Decimal("-39.50")}
    )


def test_net_per_invoice_is_what_the_ledger_export_books_on_70x(tryton: Tryton) -> None:
    tryton.pull("invoice_lines")
    booked: dict[str, Decimal] = defaultdict(Decimal)
    with (FIXTURES / "FEC_demo.txt").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["CompteNum"].startswith("70"):
                credit, debit = (Decimal(row[side].replace(",", ".")) for side in ("Credit", "Debit"))
                booked[row["PieceRef"]] += credit - debit

    assert _net_by_invoice(tryton) == booked


def test_invoices_as_a_whole_owe_what_tryton_says(tryton: Tryton) -> None:
    tryton.pull("invoices")

    d = Decimal
    assert tryton.landed("invoices", "invoice_number, partner_code, tax_amount, total_amount") == [
        ("1", "2", d("0.0000"), d("700.8000")),
        ("2", "3", d("0.0000"), d("316.0000")),
        ("3", "3", d("0.0000"), d("-39.5000")),
    ]


def test_a_shipment_counts_once_and_a_return_comes_back(tryton: Tryton) -> None:
    # Tryton writes two moves per shipped line: eight for these four lines, and three of the inventory.
    tryton.pull("shipment_lines")

    d = Decimal
    assert tryton.landed(
        "shipment_lines", "shipment_type, partner_code, product_code, shipped_quantity, order_number"
    ) == [
        ("delivery", "2", "GEL250", d("60.000"), "1"),
        ("delivery", "2", "SAV100", d("120.000"), "1"),
        ("delivery", "3", "CRE050", d("40.000"), "2"),
        ("return", "3", "CRE050", d("5.000"), "3"),
    ]


def test_own_stock_is_inventory_less_shipped_plus_returned(tryton: Tryton) -> None:
    tryton.pull("stock_levels")

    assert tryton.landed(
        "stock_levels", "product_code, warehouse_code, stock_date::varchar, on_hand_quantity"
    ) == [
        ("CRE050", "WH", "2026-11-21", Decimal("465.000")),  # 500 - 40 + 5
        ("GEL250", "WH", "2026-11-21", Decimal("440.000")),  # 500 - 60
        ("SAV100", "WH", "2026-11-21", Decimal("380.000")),  # 500 - 120
    ]


def test_master_data_terms_orders_and_the_opportunity(tryton: Tryton) -> None:
    summary = tryton.pull()

    d = Decimal
    assert summary.not_connected == (
        "partner_territories",
        "landed_cost_elements",
        "partner_prices",
        "discount_approvals",
        "supply_lines",
        "leads",
        "deal_registrations",
        "programme_budgets",
        "programme_claims",
        "programme_costs",
        "price_differences",
        "commission_assignments",
        "commission_payments",
    )
    assert tryton.landed(
        "partners", "partner_code, partner_name, channel_code, city, currency_code, is_active"
    ) == [
        ("2", "Distributeur Nord", "regional_distributor", "Lille", "EUR", True),
        ("3", "Grossiste Sud", "regional_distributor", "Lille", "EUR", True),
    ]
    assert tryton.landed("partner_terms", "partner_code, payment_term_days") == [("2", 0), ("3", 0)]
    assert tryton.landed("products", "product_code, product_name, family_code, base_unit_code") == [
        ("CRE050", "Creme mains 50 ml", "Soins corps", "u"),
        ("GEL250", "Gel douche 250 ml", "Soins corps", "u"),
        ("SAV100", "Savon 100 g", "Soins corps", "u"),
    ]
    assert tryton.landed("product_units", "product_code, unit_code, base_quantity") == [
        (code, "u", d("1.000")) for code in ("CRE050", "GEL250", "SAV100")
    ]
    assert tryton.landed("product_costs", "product_code, unit_cost_amount, valid_from_date::varchar") == [
        ("CRE050", d("2.4000"), "1900-01-01"),
        ("GEL250", d("1.7500"), "1900-01-01"),
        ("SAV100", d("1.1000"), "1900-01-01"),
    ]
    assert tryton.landed("product_prices", "product_code, price_list_code, unit_price_amount") == [
        ("CRE050", "list", d("7.9000")),
        ("GEL250", "list", d("5.2000")),
        ("SAV100", "list", d("3.5000")),
    ]
    assert tryton.landed(
        "order_lines", "order_number, product_code, ordered_quantity, net_amount, status_code"
    ) == [
        ("1", "GEL250", d("60.000"), d("280.8000"), "shipped"),
        ("1", "SAV100", d("120.000"), d("420.0000"), "shipped"),
        ("2", "CRE050", d("40.000"), d("316.0000"), "shipped"),
        ("3", "CRE050", d("-5.000"), d("-39.5000"), "shipped"),
    ]
    assert tryton.landed(
        "opportunities",
        "partner_code, product_code, stage_code, announced_quantity, announced_amount, order_number",
    ) == [("2", "SAV100", "won", d("120.000"), d("700.8000"), "1")]


def test_the_second_pull_finds_nothing_new(tryton: Tryton) -> None:
    tryton.pull()

    assert not tryton.pull().has_news


def test_a_category_named_like_a_channel_gives_the_channel_and_another_the_segment(
    tryton: Tryton, database: Path
) -> None:
    _change(
        database,
        "insert into party_category (id, name) values (1, 'Online_Reseller'), (2, 'Gold')",
        'insert into "party_party-party_category" (party, category) values (3, 1), (3, 2)',
    )
    tryton.pull("partners")

    assert tryton.landed("partners", "partner_code, channel_code, segment_code") == [
        ("2", "regional_distributor", None),
        ("3", "online_reseller", "Gold"),
    ]


def test_a_change_of_cost_opens_a_range_and_leaves_the_past_as_it_was(tryton: Tryton, database: Path) -> None:
    _change(
        database,
        *(
            "insert into product_cost_price__history "
            "(id, company, product, cost_price, create_date, write_date) "
            f"values (1, 1, 1, {_decimal(cost)}, '2026-11-21 23:52:11', '2026-11-25 {time}')"
            for cost, time in (("1.20", "10:00:00"), ("1.30", "18:00:00"))
        ),
    )
    tryton.pull("product_costs")

    assert tryton.landed(
        "product_costs", "product_code, valid_from_date::varchar, valid_to_date::varchar, unit_cost_amount"
    )[-2:] == [
        ("SAV100", "1900-01-01", "2026-11-25", Decimal("1.1000")),
        ("SAV100", "2026-11-25", "9999-12-31", Decimal("1.3000")),
    ]


def test_an_invoice_cancelled_after_posting_is_followed_by_its_opposite(
    tryton: Tryton, database: Path
) -> None:
    _change(
        database,
        "insert into account_move (id, company, date, journal, number, period, state) "
        "values (99, 1, '2026-11-30', 1, '99', 11, 'posted')",
        "update account_invoice set state = 'cancelled', cancel_move = 99 where number = '2'",
    )
    tryton.pull("invoice_lines")

    found = tryton.landed(
        "invoice_lines", "invoice_number, invoice_type, invoice_date::varchar, invoiced_quantity, net_amount"
    )
    assert [row for row in found if row[0].startswith("2")] == [
        ("2", "invoice", "2026-11-21", Decimal("40.000"), Decimal("316.0000")),
        ("2/cancelled", "credit_note", "2026-11-30", Decimal("-40.000"), Decimal("-316.0000")),
    ]


def test_a_credit_at_another_price_without_goods_moves_euros_and_no_units(
    tryton: Tryton, database: Path
) -> None:
    _change(
        database,
        'delete from "account_invoice_line-stock_move" where invoice_line = 4',
        f"update account_invoice_line set origin = 'account.invoice.line,3', unit_price = {_decimal('0.5')} "
        "where id = 4",
        f"update account_move_line set debit = {_decimal('2.50')} where origin = 'account.invoice.line,4'",
    )
    tryton.pull("invoice_lines")

    assert tryton.landed(
        "invoice_lines",
        "invoice_number, credit_reason_code, original_invoice_number, invoiced_quantity, gross_amount, "
        "net_amount",
    )[-1] == ("3", "price", "2", Decimal("0.000"), Decimal("-2.5000"), Decimal("-2.5000"))


def test_a_line_without_a_product_keeps_its_euros(tryton: Tryton, database: Path) -> None:
    _change(database, "update account_invoice_line set product = null, unit = null where id = 2")
    tryton.pull("products", "invoice_lines")

    assert ("1", "NO-PRODUCT", "-", Decimal("280.8000")) in tryton.landed(
        "invoice_lines", "invoice_number, product_code, unit_code, net_amount"
    )
    assert ("NO-PRODUCT", "-") in tryton.landed("products", "product_code, base_unit_code")


def test_a_payment_of_an_invoice_is_the_ledger_line_that_settles_it(tryton: Tryton, database: Path) -> None:
    _change(
        database,
        "insert into account_move_line (id, account, move, credit, debit, state) "
        f"values (99, 1005, 8, {_decimal('300.00')}, {_decimal('0')}, 'valid')",
        'insert into "account_invoice-account_move_line" (invoice, line) values (2, 99)',
    )
    tryton.pull("payments")

    assert tryton.landed("payments", "payment_number, partner_code, invoice_number, paid_amount") == [
        ("move-line-99", "3", "2", Decimal("300.0000"))
    ]


def test_modules_that_are_not_installed_are_not_needed(tryton: Tryton, database: Path) -> None:
    _change(
        database,
        "drop table product_cost_price__history",
        "drop table sale_opportunity_line",
        "drop table sale_opportunity",
        "alter table sale_line drop column base_price",
    )

    summary = tryton.pull("product_costs", "opportunities", "invoice_lines")

    assert "opportunities" in summary.not_connected
    assert tryton.landed("product_costs", "product_code, unit_cost_amount")[0] == (
        "CRE050",
        Decimal("2.4000"),
    )
    # Without sale_discount there is no price before discount: the invoiced price is all that is known.
    assert tryton.landed("invoice_lines", "gross_amount, exceptional_discount_amount, net_amount")[1] == (
        Decimal("280.8000"),
        Decimal(0),
        Decimal("280.8000"),
    )


def test_a_posted_invoice_that_disappears_is_marked(tryton: Tryton, database: Path) -> None:
    tryton.pull("invoice_lines")
    _change(
        database,
        "delete from account_invoice_line where invoice = 2",
        "delete from account_invoice where id = 2",
    )

    pulled = tryton.pull("invoice_lines")["invoice_lines"]

    assert (pulled.deleted_documents, pulled.deleted_amount) == (1, "316.0000")


def test_postgresql_and_sqlite_give_the_same(
    tryton: Tryton, tmp_path: Path, postgres_database: str, postgres_programs: Path
) -> None:
    dump = tmp_path / "erp.dump"
    dump.write_bytes(lzma.decompress((FIXTURES / "erp_demo.dump.xz").read_bytes()))
    # The same scenario was played twice, once on each database: all but instants is equal.
    subprocess.run(
        [
            postgres_programs / "pg_restore",
            "--no-owner",
            "--no-privileges",
            f"--dbname={postgres_database}",
            dump,
        ],
        check=True,
        capture_output=True,
    )
    on_postgres = Tryton(tmp_path / "postgres", postgres_database)
    tryton.pull()
    on_postgres.pull()

    compared = 0
    for entity in ERP_ENTITIES:
        if (tryton.paths.landing / "erp" / entity.name).is_dir():
            columns = ", ".join(c.name for c in entity.columns if c.name != "updated_at")
            assert on_postgres.landed(entity.name, columns) == tryton.landed(entity.name, columns), (
                entity.name
            )
            compared += 1
    assert compared == 12
    assert not on_postgres.pull().has_news

    # The price before discount comes with a module; without it the queries must still run.
    engine = sa.create_engine(postgres_database, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table sale_line drop column base_price")
    assert on_postgres.pull("invoice_lines")["invoice_lines"].rows_landed == 1
