"""A generated company: N sell-out lines as CSV reports of many partners and weeks, and a small ERP.

Everything follows from a `Shape`: the same shape gives the same bytes, and one more week gives the same
files as before and one more per partner. Two layouts, each sent by half of the partners:

- French: `;`, decimal comma, the partner's own product codes (crosswalk, a quarter of them boxes), returns
  as negative quantities;
- English: `,`, ISO dates, GTIN, postal code, returns in a column of their own; these partners also report
  stock at each month's end.

About one line in a thousand names a product that nobody knows. What belongs here: making input. What does
not: reading it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from connectors.contract import ERP_ENTITIES

LAST_BASE_MONDAY: Final = date(2025, 12, 15)
"""Monday of the last week of a history; an increment is the week after it. It holds no month's end."""

BOX_SIZE: Final = 12
ORDERED_PRODUCTS: Final = 20
"""Products that a partner orders in a week."""

DEPARTEMENTS: Final = ("75", "69", "13", "31", "59", "33", "44", "67", "35", "06")


@dataclass(frozen=True)
class Shape:
    """The size of a history. `lines` are spread evenly over `weeks` x `partners`."""

    lines: int
    weeks: int = 52
    partners: int = 20
    products: int = 400
    seed: int = 7

    @property
    def lines_per_report(self) -> int:
        return max(1, self.lines // (self.weeks * self.partners))

    @property
    def actual_lines(self) -> int:
        """`lines`, less what does not divide evenly."""
        return self.lines_per_report * self.weeks * self.partners

    def mondays(self) -> list[date]:
        return [LAST_BASE_MONDAY - timedelta(weeks=back) for back in reversed(range(self.weeks))]


def generate(company: Path, data: Path, shape: Shape) -> None:
    """Write the company directory, the ERP and all reports of the shape's weeks."""
    _write_company(company, shape)
    with Generator(company, data, shape) as generator:
        generator.write_master_data()
        for monday in shape.mondays():
            generator.write_week(monday)


def add_week(company: Path, data: Path, shape: Shape) -> None:
    """Write the week after the history: a report of every partner and the week's ERP documents."""
    monday = LAST_BASE_MONDAY + timedelta(weeks=1)
    with Generator(company, data, shape) as generator:
        generator.write_week(monday)


def as_of(weeks_added: int = 0) -> date:
    """The day that figures are as of: the Sunday of the last week."""
    return LAST_BASE_MONDAY + timedelta(weeks=weeks_added, days=6)


def partner_code(number: int) -> str:
    return f"P{number:03d}"


def product_code(number: int) -> str:
    return f"SKU{number:05d}"


def is_french(number: int) -> bool:
    return number % 2 == 0


def gtin(number: int) -> str:
    """A GTIN-13 with a correct check digit."""
    body = f"3{number:011d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def own_code(partner: int, product: int) -> str:
    """A French partner's own code of a product."""
    return f"R{partner:03d}-{product:05d}"


def unit_of(product: int) -> str:
    """The unit in which French partners count a product: a quarter of the range is sold by the box."""
    return "BOX" if product % 4 == 0 else "PCE"


class Generator:
    """Writes weeks of one history; a context manager that holds the ERP database open."""

    def __init__(self, company: Path, data: Path, shape: Shape) -> None:
        self.company = company
        self.inbox = data / "inbox"
        self.erp_path = data / "erp.sqlite"
        self.shape = shape
        # The last product is known to partners only.
        rank = np.arange(1, shape.products + 2)
        weight = 1 / np.sqrt(rank)
        weight[-1] = weight[:-1].sum() / 1000
        self.weights = weight / weight.sum()
        self.prices = 150 + (np.arange(shape.products + 1) * 7919) % 9800

    def __enter__(self) -> Generator:
        self.erp_path.parent.mkdir(parents=True, exist_ok=True)
        self.erp = sqlite3.connect(self.erp_path)
        self.duck = duckdb.connect()
        self.duck.execute("set threads = 2")
        return self

    def __exit__(self, *_: object) -> None:
        self.erp.commit()
        self.erp.close()
        self.duck.close()

    def write_week(self, monday: date) -> None:
        """Write every partner's report of the week, stock at a month's end, and the week's ERP documents."""
        for partner in range(self.shape.partners):
            self._write_sales(partner, monday)
            ends = [
                day for day in (monday + timedelta(days=i) for i in range(7)) if (day + timedelta(1)).day == 1
            ]
            if ends and not is_french(partner):
                self._write_stock(partner, ends[0])
            self._write_documents(partner, monday)

    def _random(self, *what: int) -> np.random.Generator:
        return np.random.default_rng([self.shape.seed, *what])

    def _write_sales(self, partner: int, monday: date) -> None:
        random = self._random(1, partner, monday.toordinal())
        size = self.shape.lines_per_report
        product = random.choice(self.shape.products + 1, size=size, p=self.weights)
        quantity = random.integers(1, 6, size=size)
        lines = pa.table(  # read by DuckDB by its name
            {
                "position": np.arange(size),
                "day": np.sort(random.integers(0, 7, size=size)),
                "store": random.integers(0, len(DEPARTEMENTS), size=size),
                "product": product,
                "quantity": quantity,
                "is_return": random.random(size=size) < 0.02,
                "cents": quantity * self.prices[product],
            }
        )
        iso = monday.isocalendar()
        folder = self.inbox / partner_code(partner)
        folder.mkdir(parents=True, exist_ok=True)
        self.duck.register("lines", lines)
        self.duck.execute("set variable monday = ?::date", [monday])
        if is_french(partner):
            path = folder / f"ventes_{iso.year}_S{iso.week:02d}.csv"
            query, delimiter = _FRENCH.format(partner=partner, box=BOX_SIZE), ";"
        else:
            path = folder / f"sales_{iso.year}-W{iso.week:02d}.csv"
            query, delimiter = _ENGLISH, ","
        self._gtins()
        self.duck.execute(f"copy ({query}) to '{path}' (format csv, header, delimiter '{delimiter}')")
        self.duck.unregister("lines")

    def _gtins(self) -> None:
        if not self.duck.execute("select 1 from duckdb_tables() where table_name = 'gtins'").fetchone():
            self.duck.execute("create table gtins (product bigint, gtin varchar)")
            self.duck.executemany(
                "insert into gtins values (?, ?)",
                [(number, gtin(number)) for number in range(self.shape.products + 1)],
            )

    def _write_stock(self, partner: int, day: date) -> None:
        random = self._random(2, partner, day.toordinal())
        weekly = 3 * self.shape.lines_per_report / self.shape.products
        stock = random.integers(0, max(2, int(weekly * 8)), size=self.shape.products)
        path = self.inbox / partner_code(partner) / f"stock_{day:%Y-%m}.csv"
        rows = "".join(f"{gtin(product)},{quantity}\n" for product, quantity in enumerate(stock))
        path.write_text("ean,on_hand\n" + rows, encoding="utf-8")

    def _insert(self, entity: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self.erp.executemany(f"insert into {entity} values ({marks})", rows)

    def write_master_data(self) -> None:
        """Create the ERP's tables, one per contract entity, and fill the master data."""
        shape = self.shape
        for entity in ERP_ENTITIES:
            asked = entity.asked_columns
            columns = ", ".join(f"{column.name} {_sqlite_type(column.type)}" for column in asked)
            self.erp.execute(f"create table {entity.name} ({columns}, primary key ({', '.join(entity.key)}))")
        since, changed = "2015-01-01", "2015-01-01 00:00:00"
        mid_history = (LAST_BASE_MONDAY - timedelta(weeks=shape.weeks // 2)).isoformat()
        partners = range(shape.partners)
        self._insert(
            "partners",
            [
                (
                    partner_code(i), f"Partner {i}", ("regional_distributor",
                    "online_reseller")[i % 2], None, None,
                    None, None, "FR", f"{DEPARTEMENTS[i % 10]}000", None, "EUR", 1, since, changed,
                )
                for i in partners
            ],
        )  # fmt: skip
        self._insert(
            "partner_terms",
            [
                (partner_code(i), first, last, "BASE", f"0.{rate}", 30, 2, None, None, changed)
                for i in partners
                for first, last, rate in ((since, mid_history, 20), (mid_history, "9999-12-31", 25))
            ],
        )
        self._insert(
            "products",
            [
                (
                    product_code(i), f"Product {i}", f"F{i % 12:02d}", f"Family {i % 12}", gtin(i),
                    "PCE", since, 28, 1,
                    changed,
                )
                for i in range(shape.products)
            ],
        )  # fmt: skip
        self._insert(
            "product_units",
            [
                (product_code(i), unit, size, None, changed)
                for i in range(shape.products)
                for unit, size in (("PCE", 1), ("BOX", BOX_SIZE))
            ],
        )
        self._insert(
            "product_costs",
            [
                (
                    product_code(i),
                    first,
                    last,
                    _euros(int(self.prices[i]) * share // 100),
                    None,
                    "EUR",
                    changed,
                )
                for i in range(shape.products)
                for first, last, share in ((since, mid_history, 50), (mid_history, "9999-12-31", 55))
            ],
        )
        self._insert(
            "product_prices",
            [
                (product_code(i), "BASE", since, "9999-12-31", _euros(int(self.prices[i])), "EUR", changed)
                for i in range(shape.products)
            ],
        )

    def _write_documents(self, partner: int, monday: date) -> None:
        """An order on Monday, shipped and invoiced on Wednesday; on Friday one of its lines comes back."""
        random = self._random(3, partner, monday.toordinal())
        products = random.choice(self.shape.products, size=ORDERED_PRODUCTS, replace=False)
        weekly = 3 * self.shape.lines_per_report / ORDERED_PRODUCTS
        quantities = random.integers(1, max(2, int(weekly * 2)), size=ORDERED_PRODUCTS)
        # Numbers run without gaps: an ERP's invoices may not have any, and a gate holds it.
        code, number = partner_code(partner), f"{partner_code(partner)}-{monday.toordinal() // 7}"
        wednesday, friday = monday + timedelta(days=2), monday + timedelta(days=4)
        changed = f"{friday.isoformat()} 18:00:00"
        orders, shipments, invoices = [], [], []
        for line, (product, quantity) in enumerate(
            zip(products.tolist(), quantities.tolist(), strict=True), 1
        ):
            sku = product_code(product)
            gross = quantity * int(self.prices[product])
            discount = gross // 4
            orders.append(
                (
                    f"O{number}", str(line), code, monday.isoformat(),
                    (monday + timedelta(days=7)).isoformat(), sku,
                    quantity, "PCE", _euros(gross - discount), "EUR", "closed", changed,
                )
            )  # fmt: skip
            shipments.append(
                (
                    f"S{number}", str(line), "delivery", f"O{number}", str(line), code,
                    wednesday.isoformat(), None, None, None,
                    sku, quantity, "PCE", changed,
                )
            )  # fmt: skip
            invoices.append(
                (
                    f"I{number}", str(line), "invoice", None, code, wednesday.isoformat(),
                    (wednesday + timedelta(days=30)).isoformat(), f"O{number}", str(line), None, sku,
                    quantity,
                    "PCE", _euros(gross), _euros(discount), "0.00", _euros(gross - discount), "EUR", changed,
                )
            )  # fmt: skip
            if line == 1:
                shipments.append(
                    (
                        f"R{number}", "1", "return", f"O{number}", "1", code, friday.isoformat(),
                        None, None, None, sku, 1,
                        "PCE", changed,
                    )
                )  # fmt: skip
                price = int(self.prices[product])
                invoices.append(
                    (
                        f"C{number}", "1", "credit_note", "return", code, friday.isoformat(), None,
                        f"O{number}", "1",
                        f"I{number}", sku, -1, "PCE", _euros(-price), _euros(-(price // 4)), "0.00",
                        _euros(-(price - price // 4)), "EUR", changed,
                    )
                )  # fmt: skip
        self._insert("order_lines", orders)
        self._insert("shipment_lines", shipments)
        self._insert("invoice_lines", invoices)


_SIGNED = "case when is_return then -quantity else quantity end"
_EUROS = (
    "cast(cast(case when is_return then -cents else cents end as decimal(18, 2)) * 0.01 as decimal(18, 2))"
)
_FRENCH: Final = f"""
select
    strftime(getvariable('monday') + cast(day as integer), '%d/%m/%Y') as "Date",
    'D' || cast(store as varchar) as "Dépôt",
    printf('R%03d-%05d', {{partner}}, product) as "Référence",
    {_SIGNED} as "Qté",
    replace(cast(cast({_EUROS} * case when product % 4 = 0 then {{box}} else 1 end as decimal(18, 2))
        as varchar),
            '.', ',') as "Montant HT",
    strftime(getvariable('monday'), '%Y%m%d') || '-' || cast(position // 3 as varchar) as "Ticket"
from lines order by position
"""
_ENGLISH: Final = f"""
select
    strftime(getvariable('monday') + cast(day as integer), '%Y-%m-%d') as date,
    'S' || cast(store as varchar) as store,
    list_value({", ".join(f"'{code}000'" for code in DEPARTEMENTS)})[store + 1] as zip,
    gtin as ean,
    case when is_return then 0 else quantity end as sold,
    case when is_return then quantity else 0 end as returned,
    {_EUROS} as amount,
    strftime(getvariable('monday'), '%Y%m%d') || '-' || cast(position // 3 as varchar) as ticket
from lines join gtins using (product) order by position
"""


def _euros(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _sqlite_type(type_: str) -> str:
    return "integer" if type_ in ("INTEGER", "BIGINT", "BOOLEAN") else "text"


def _write_company(company: Path, shape: Shape) -> None:
    for folder in ("feeds", "erp", "rules"):
        (company / folder).mkdir(parents=True, exist_ok=True)
    (company / "company.yml").write_text(_COMPANY, encoding="utf-8")
    for entity in ERP_ENTITIES:
        columns = ",\n    ".join(column.name for column in entity.asked_columns)
        changed = "where updated_at >= :cursor\n" if entity.date_column else ""
        (company / "erp" / f"{entity.name}.sql").write_text(
            f"select\n    {columns}\nfrom {entity.name}\n{changed}", encoding="utf-8"
        )
    first = shape.mondays()[0]
    month_end_follows = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    for partner in range(shape.partners):
        code = partner_code(partner)
        feeds = company / "feeds"
        if is_french(partner):
            (feeds / f"{code}_ventes.yml").write_text(
                _FRENCH_FEED.format(code=code, first=first), encoding="utf-8"
            )
            (feeds / f"{code}_crosswalk.csv").write_text(
                "partner_product_code;product_code;unit_code\n"
                + "".join(
                    f"{own_code(partner, product)};{product_code(product)};{unit_of(product)}\n"
                    for product in range(shape.products)
                ),
                encoding="utf-8",
            )
        else:
            (feeds / f"{code}_sales.yml").write_text(
                _ENGLISH_FEED.format(code=code, first=first), encoding="utf-8"
            )
            (feeds / f"{code}_stock.yml").write_text(
                _STOCK_FEED.format(
                    code=code, first=first.replace(day=1) if first.day == 1 else month_end_follows
                ),
                encoding="utf-8",
            )


_COMPANY: Final = """\
company:
  code: benchmark
  name: Benchmark
locale: fr
currency: EUR
as_of_date: ${BENCHMARK_AS_OF}
erp:
  kind: sql
  url: sqlite:///${AVAL_DATA}/erp.sqlite
  queries: erp
inbox:
  path: ${AVAL_DATA}/inbox
publish:
  keep: 1
"""
_FRENCH_FEED: Final = """\
partner: {code}
files:
  glob: {code}/ventes_*.csv
container:
  kind: delimited
  encoding: utf-8
  delimiter: ";"
period:
  frequency: week
  source: file_name
  pattern: ventes_(?P<year>\\d{{4}})_S(?P<week>\\d{{2}})\\.csv
columns:
  sale_date: Date
  store_code: Dépôt
  partner_product_code: Référence
  sold_quantity: Qté
  net_amount: Montant HT
  transaction_id: Ticket
decimal_mark: ","
date_format: "%d/%m/%Y"
negative_sold_is_return: true
expected_from: {first}
crosswalk: {code}_crosswalk.csv
"""
_ENGLISH_FEED: Final = """\
partner: {code}
files:
  glob: {code}/sales_*.csv
container:
  kind: delimited
  encoding: utf-8
  delimiter: ","
period:
  frequency: week
  source: file_name
  pattern: sales_(?P<year>\\d{{4}})-W(?P<week>\\d{{2}})\\.csv
columns:
  sale_date: date
  store_code: store
  postal_code: zip
  gtin: ean
  sold_quantity: sold
  returned_quantity: returned
  net_amount: amount
  transaction_id: ticket
decimal_mark: "."
date_format: "%Y-%m-%d"
expected_from: {first}
"""
_STOCK_FEED: Final = """\
partner: {code}
files:
  glob: {code}/stock_*.csv
container:
  kind: delimited
  encoding: utf-8
  delimiter: ","
period:
  frequency: month
  source: file_name
  pattern: stock_(?P<year>\\d{{4}})-(?P<month>\\d{{2}})\\.csv
columns:
  gtin: ean
  on_hand_quantity: on_hand
decimal_mark: "."
expected_from: {first}
"""
