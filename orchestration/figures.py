"""The few figures that tell at a glance how the channel does, read from the published file.

What belongs here: which figures, and their queries on the marts. What does not: formulas; a ratio here is
the ratio of sums that a mart publishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb


@dataclass(frozen=True)
class Figure:
    """One figure: its name, its value as text, and the mart it comes from."""

    name: str
    value: str
    source: str


_YEAR: Final = (
    "month_start_date >= date_trunc('month', (select as_of_date from marts.publication)) - interval 12 month "
    "and month_start_date < date_trunc('month', (select as_of_date from marts.publication))"
)
REPORTED_IN_FULL: Final = "coverage_rate >= 100 and balance_status_code <> 'not_reported'"
"""Rows of `mart_channel_balance_monthly` whose sell-out can be held against their sell-in."""

# Partners report stock on different days: of each position the newest, if not older than five weeks.
NEWEST_STOCK: Final = (
    "(select * from marts.mart_channel_inventory_weekly where on_hand_quantity is not null "
    "and week_end_date > (select as_of_date from marts.publication) - interval 35 day "
    "qualify row_number() over (partition by partner_code, product_code order by week_start_date desc) = 1)"
)
_FIGURES: Final[Sequence[tuple[str, str, str, str]]] = (
    (
        "Sell-in net, last 12 whole months",
        "{:,.0f} {currency}",
        "mart_sell_in_monthly",
        f"select sum(net_amount) from marts.mart_sell_in_monthly where {_YEAR}",
    ),
    (
        "Sell-in net, units, same months",
        "{:,.0f}",
        "mart_sell_in_monthly",
        f"select sum(net_quantity) from marts.mart_sell_in_monthly where {_YEAR}",
    ),
    (
        "Sell-out net, units, same months",
        "{:,.0f}",
        "mart_sell_out_monthly",
        f"select sum(net_quantity) from marts.mart_sell_out_monthly where {_YEAR}",
    ),
    (
        "Sell-out / sell-in, where sell-out is reported in full",
        "{:,.1f} %",
        "mart_channel_balance_monthly",
        "select 100 * sum(sell_out_quantity) / nullif(sum(sell_in_quantity), 0) "
        f"from marts.mart_channel_balance_monthly where {_YEAR} and {REPORTED_IN_FULL}",
    ),
    (
        "Reports received of those expected",
        "{:,.1f} %",
        "publication",
        "select 100.0 * reports_received / nullif(reports_expected, 0) from marts.publication",
    ),
    (
        "Units on hand at partners, newest stock known",
        "{:,.0f}",
        "mart_channel_inventory_weekly",
        f"select sum(on_hand_quantity) from {NEWEST_STOCK}",
    ),
    (
        "Partner x product positions overstocked",
        "{:,.0f}",
        "mart_channel_inventory_weekly",
        f"select count(*) filter (where stock_status_code = 'overstock') from {NEWEST_STOCK}",
    ),
    (
        "Partner x product positions in shortage",
        "{:,.0f}",
        "mart_channel_inventory_weekly",
        f"select count(*) filter (where stock_status_code = 'shortage') from {NEWEST_STOCK}",
    ),
)


def telling_figures(current: Path, currency: str) -> list[Figure]:
    """The eight most telling figures of the published file."""
    # The versioned file: a path that one connection of this process has open would give the old instance.
    with duckdb.connect(str(current.resolve()), read_only=True) as connection:
        figures = []
        for name, pattern, source, query in _FIGURES:
            row = connection.execute(query).fetchone()
            value = row[0] if row else None
            text = "no value" if value is None else pattern.format(value, currency=currency).replace(",", " ")
            figures.append(Figure(name, text, f"marts.{source}"))
        return figures
