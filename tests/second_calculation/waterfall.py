"""From the list price to the channel's contribution, by month, partner, channel and product."""

from __future__ import annotations

import pandas as pd

from tests.second_calculation.books import LANDED, Books
from tests.second_calculation.discounts import reductions

GRAIN = ["month", "partner", "channel", "product"]
OUTSIDE = [
    "rebate",
    "price_protection",
    "ship_and_debit",
    "mdf",
    "freight",
    "cash_discount",
    "commission",
    "spiff",
]
SERVED = ["training", "channel_staff", "tools"]


def waterfall(books: Books, lines: pd.DataFrame, granted: pd.DataFrame) -> pd.DataFrame:
    """Quantity in pieces; each step and level in hundredths of a cent, named as the mart names them."""
    reduced = reductions(books, lines).reindex(lines.index)
    of_lines = lines[GRAIN].assign(
        invoiced_quantity=lines["pieces"],
        gross_sales=100 * lines["gross"],
        contract_discount=100 * reduced["contract"],
        promotion_discount=100 * reduced["promotion"],
        exception_discount=100 * reduced["exception"],
        invoice_sales=100 * lines["net"],
        cost_of_goods=lines["cost"],
        **{name: lines[name] for name in LANDED.values()},
        landed_cost=lines[list(LANDED.values())].sum(axis=1),
    )
    steps = granted.assign(cents=100 * granted["cents"]).pivot_table(
        index=GRAIN, columns="step", values="cents", aggfunc="sum", fill_value=0
    )
    assert set(steps) == {*OUTSIDE, *SERVED}
    sums = of_lines.groupby(GRAIN).sum().join(steps, how="outer").fillna(0).astype("int64")
    sums["pocket_sales"] = sums["invoice_sales"] - sums[OUTSIDE].sum(axis=1)
    sums["pocket_margin"] = sums["pocket_sales"] - sums["cost_of_goods"] - sums["landed_cost"]
    sums["channel_contribution"] = sums["pocket_margin"] - sums[SERVED].sum(axis=1)
    return sums.sort_index()
