"""What landing a file would change, against the reports it would replace and the products that are known.

A dry run asks this of the lines that would land. The ledger and landing are opened for reading only, and
nothing is written. What belongs here: comparisons for `aval feeds check`. What does not: reading and judging
the file (`connectors.feeds.intake`), and the matching that facts use (SQL of the dbt project).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from connectors.feeds.known import Known
from connectors.feeds.sniff import words
from connectors.feeds.table import quoted

PERSONAL_TITLES: Final = frozenset(
    ("nom", "prenom", "email", "mail", "courriel", "telephone", "tel", "portable", "mobile", "adresse",
     "naissance", "fidelite", "name", "surname", "firstname", "phone", "address", "birth", "loyalty",
     "household", "customer", "client", "iban")
)  # fmt: skip
"""Words of titles that speak of a person."""

_OTHER_NAMES: Final = frozenset(
    (
        "produit",
        "article",
        "magasin",
        "fournisseur",
        "marque",
        "product",
        "item",
        "store",
        "supplier",
        "brand",
    )
)
_NO_PERSON: Final = (
    "customer",
    "customer_siret",
    "customer_vat",
    "customer_domain",
    "product_label",
    "postal_code",
    "store_name",
    "store_address",
    "store_city",
)
_EMAIL: Final = r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"
_TELEPHONE: Final = r"^(\+33|0)[ .]?[1-9]([ .-]?\d\d){4}$"
_CLEAR_TEXTS: Final = frozenset(
    ("store_code", "store_name", "store_address", "store_city", "partner_product_code", "product_label",
     "transaction_id", "postal_code")
)  # fmt: skip


@dataclass(frozen=True)
class Former:
    """The live report of one period that a file would replace, with its control totals."""

    entity: str
    period: str
    batch_id: str
    file_name: str
    landed_at: str
    rows: int
    quantity: str
    amount: str


@dataclass(frozen=True)
class Unmatched:
    """A product that nothing known matches: how many rows name it, and what is at stake."""

    code: str
    label: str | None
    rows: int
    quantity: str
    amount: str


@dataclass(frozen=True)
class Matching:
    """How many lines of one entity would find their product; the worst of those that would not.

    `strange_units` are units that no product has, with their lines: nobody can convert their quantities.
    """

    entity: str
    rows: int
    matched: int
    amount_unmatched: str
    worst: tuple[Unmatched, ...] = ()
    strange_units: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Outlook:
    """What is known before: landed products, the feed's crosswalk, and the ledger's live slices.

    `units` are those that the company's rules convert.
    """

    ledger: Path
    known: Known
    crosswalk: frozenset[str] = field(default=frozenset())
    units: frozenset[str] = field(default=frozenset())

    def former(self, partner: str, feed_code: str, totals: Iterable[tuple[str, str]]) -> tuple[Former, ...]:
        """The live report of each (entity, period), where there is one."""
        wanted = list(totals)
        found = []
        with closing(self._read_only()) as connection:
            for entity, period in wanted:
                found += [
                    Former(entity, period, *row)
                    for row in connection.execute(
                        "select s.batch_id, b.file_name, b.landed_at, s.rows_landed, s.quantity_total, "
                        "s.amount_total from slices s join batches b on b.batch_id = s.batch_id "
                        "where s.system = 'feeds' and s.entity = ? and s.slice_key = ? and s.is_live = 1",
                        (entity, f"{partner}|{feed_code}|{period}"),
                    )
                ]
        return tuple(found)

    def superseded(self, former: Sequence[Former]) -> tuple[str, ...]:
        """Files that would not be live any more in any of their periods."""
        replaced: dict[str, int] = {}
        for item in former:
            replaced[item.batch_id] = replaced.get(item.batch_id, 0) + 1
        names = []
        with closing(self._read_only()) as connection:
            for batch_id, count in replaced.items():
                (live,) = connection.execute(
                    "select count(*) from slices where batch_id = ? and is_live = 1", (batch_id,)
                ).fetchone()
                if live == count:
                    names += [item.file_name for item in former if item.batch_id == batch_id][:1]
        return tuple(names)

    def twin(self, content_hash: str) -> str | None:
        """The file with the same bytes that was entered before."""
        with closing(self._read_only()) as connection:
            row = connection.execute(
                "select file_name from batches where content_hash = ? and state <> 'duplicate' "
                "order by batch_id desc limit 1",
                (content_hash,),
            ).fetchone()
        return row[0] if row else None

    def _read_only(self) -> sqlite3.Connection:
        if not self.ledger.is_file():
            empty = sqlite3.connect(":memory:")
            empty.executescript(
                "create table slices (system, entity, slice_key, batch_id, rows_landed, quantity_total, "
                "amount_total, is_live); create table batches (batch_id, file_name, landed_at, content_hash, "
                "state)"
            )
            return empty
        # A database in WAL mode makes side files even for a reader, unless it is said not to change.
        wal = self.ledger.with_name(self.ledger.name + "-wal")
        mode = "mode=ro" if wal.is_file() and wal.stat().st_size else "immutable=1"
        return sqlite3.connect(f"{self.ledger.resolve().as_uri()}?{mode}", uri=True)

    def matching(self, connection: duckdb.DuckDBPyConnection, entity: str, relation: str) -> Matching | None:
        """How many of the lines in `relation` name a known product; None where no product has landed."""
        if not self.known.product_codes:
            return None
        for name, values in (
            ("known_codes", self.known.product_codes),
            ("known_gtins", self.known.gtins),
            ("known_crosswalk", self.crosswalk),
            ("known_units", self.known.unit_codes | self.units),
        ):
            table = pa.table({"code": pa.array(sorted(values), pa.string())})
            connection.register("incoming", table)
            connection.execute(f"create or replace temp table {name} as from incoming")
            connection.unregister("incoming")
        quantity, amount = (
            ("sold_quantity", "coalesce(net_amount, 0)")
            if entity == "sell_out"
            else ("on_hand_quantity", "0")
        )
        matched = (
            "product_code in (from known_codes) or lpad(gtin, 14, '0') in (from known_gtins) "
            "or partner_product_code in (from known_crosswalk)"
        )
        connection.execute(
            "create or replace temp table outlook_lines as select "
            "coalesce(product_code, partner_product_code, gtin) as code, product_label as label, "
            f"{quantity} as quantity, {amount} as amount, coalesce({matched}, false) as is_matched "
            f"from {relation}"
        )
        (rows, good, amount_unmatched) = connection.execute(
            "select count(*), count(*) filter (where is_matched), "
            "cast(coalesce(sum(amount) filter (where not is_matched), 0) as varchar) from outlook_lines"
        ).fetchone() or (0, 0, "0")
        worst = connection.execute(
            "select code, any_value(label), count(*), cast(sum(quantity) as varchar), "
            "cast(sum(amount) as varchar) from outlook_lines where not is_matched group by code "
            "order by sum(amount) desc, sum(quantity) desc, code limit 10"
        ).fetchall()
        strange = connection.execute(
            f"select unit_code, count(*) from {relation} where unit_code not in (from known_units) "
            "group by unit_code order by unit_code"
        ).fetchall()
        return Matching(
            entity, rows, good, amount_unmatched, tuple(Unmatched(*row) for row in worst), dict(strange)
        )


def personal_titles(titles: Sequence[str], positions: Mapping[str, int]) -> tuple[str, ...]:
    """Titles that speak of people, but for the customer's, whose cells are replaced by a keyed hash.

    Columns that the profile does not name do not land, but rows in quarantine keep their raw text.
    """
    harmless = {positions[name] for name in _NO_PERSON if name in positions}
    found = []
    for position, title in enumerate(titles):
        said = set(words(title).split())
        if said & PERSONAL_TITLES and not said & _OTHER_NAMES and position not in harmless:
            found.append(title)
    return tuple(found)


def personal_cells(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Iterable[str]
) -> tuple[str, ...]:
    """Columns of lines that would land in clear and hold e-mail addresses or telephone numbers."""
    found = []
    for column in sorted(_CLEAR_TEXTS & set(columns)):
        (cells, addresses) = connection.execute(
            f"select count(cell), count(*) filter (where regexp_matches(cell, {quoted(_EMAIL)}) or "
            f"regexp_matches(cell, {quoted(_TELEPHONE)})) from (select {column} as cell from {relation})"
        ).fetchone() or (0, 0)
        if addresses * 2 > cells > 0:
            found.append(column)
    return tuple(found)


def difference(new: str, old: str) -> tuple[str, str]:
    """New less old, exactly, and in per cent of the old; "" where the old is zero."""
    change = Decimal(new) - Decimal(old)
    share = f"{100 * change / abs(Decimal(old)):+.1f} %" if Decimal(old) else ""
    return f"{change:+f}", share
