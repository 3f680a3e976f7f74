"""Products as a matter of matching: codes under UNMATCHED, and our products that they may mean.

What belongs here: reading the warehouse for that. What does not: the score
(`connectors.matching.similarity`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import pyarrow as pa

from connectors.matching import similarity
from connectors.matching.decisions import PRODUCTS, Kind
from orchestration.matching import Open, warehouse
from orchestration.settings import Settings

_LIST_PRICES: Final = """
    select product_code, max(unit_price_amount) as list_price from staging.stg_erp__product_prices
    where valid_from_date <= $1 and valid_to_date > $1 group by product_code
"""


class ProductMatter:
    """What a partner's product code means."""

    kind: Kind = PRODUCTS
    threshold: float = similarity.DEFAULT_THRESHOLD

    def unmatched(self, settings: Settings) -> list[Open]:
        with warehouse(settings) as connection:
            rows = connection.execute(
                """
                select
                    gathered.partner_code,
                    coalesce(partners.partner_name, gathered.partner_code),
                    gathered.reported_code,
                    gathered.reported_label,
                    gathered.net_quantity_in_unit,
                    gathered.net_amount,
                    gathered.net_amount,
                    gathered.first_seen_date,
                    gathered.last_seen_date
                from intermediate.int_unmatched_products_gathered as gathered
                left join (select * from core.dim_partners where is_current) as partners
                    on partners.partner_code = gathered.partner_code
                """
            ).fetchall()
        return [Open(*row) for row in rows]

    def in_use(self, settings: Settings) -> set[tuple[str, str, str, str]]:
        with warehouse(settings) as connection:
            rows = connection.execute(
                "select partner_code, reported_code, product_code, strftime(decided_at, '%Y-%m-%d %H:%M:%S') "
                "from staging.stg_rules__product_matches"
            ).fetchall()
        return set(rows)

    def proposals(self, settings: Settings, rejected: set[tuple[str, str, str]]) -> pa.Table:
        with warehouse(settings) as connection:
            items = connection.execute(
                "select partner_code, reported_code, reported_label, "
                "cast(unit_price_amount as double) as unit_price "
                "from intermediate.int_unmatched_products_gathered order by partner_code, reported_code"
            ).to_arrow_table()
            products = connection.execute(
                "select product_code, product_name, cast(prices.list_price as double) as list_price "
                f"from staging.stg_erp__products left join ({_LIST_PRICES}) as prices using (product_code) "
                "where not is_deleted order by product_code",
                [settings.company.today()],
            ).to_arrow_table()
            units = connection.execute(
                "select product_code, unit_code, cast(base_quantity as double) as base_quantity "
                "from intermediate.int_product_units_completed order by all"
            ).to_arrow_table()
        pairs = [dict(zip(similarity.REJECTED.names, pair, strict=True)) for pair in sorted(rejected)]
        scored = similarity.score(
            items.cast(similarity.ITEMS),
            products.cast(similarity.PRODUCTS),
            units.cast(similarity.UNITS),
            pa.Table.from_pylist(pairs, schema=similarity.REJECTED),
        )
        return scored.drop_columns("reported_label").rename_columns(
            {"product_code": "target_code", "product_name": "target_name"}
        )

    def targets(self, settings: Settings) -> Mapping[str, tuple[str, ...]]:
        with warehouse(settings) as connection:
            rows = connection.execute(
                "select product_code, list(unit_code order by base_quantity, unit_code) "
                "from intermediate.int_product_units_completed group by product_code"
            ).fetchall()
        return {code: tuple(units) for code, units in rows}

    def valued(self, settings: Settings, codes: Sequence[Open]) -> list[Open]:
        """Where the partner reports no revenue: its units at the list price of the best proposal."""
        with warehouse(settings) as connection:
            rows = connection.execute(
                "select product_code, unit_code, base_quantity * list_price "
                f"from intermediate.int_product_units_completed join ({_LIST_PRICES}) using (product_code)",
                [settings.company.today()],
            ).fetchall()
        prices = {(product, unit): price for product, unit, price in rows}
        return [_valued(code, prices) for code in codes]


def _valued(code: Open, prices: Mapping[tuple[str, str | None], Decimal]) -> Open:
    if code.amount is not None or not code.candidates or code.units is None:
        return code
    best = code.candidates[0]
    price = prices.get((best.target_code, best.unit_code))
    if price is None:
        return code
    return replace(code, amount=(code.units * price).quantize(Decimal("0.01"), ROUND_HALF_UP))
