"""How orders are served and what comes back, against pandas over the sample company's own ERP."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd
import pytest

AS_OF = pd.Timestamp("2026-06-30")


class Erp:
    """Tables of the sample company's ERP as frames; quantities in pieces as `pieces`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        packs = self.table("select code_article, unite, qte_base from articles_cond")
        self._base = packs.set_index(["code_article", "unite"])["qte_base"]

    def table(self, query: str, *dates: str) -> pd.DataFrame:
        with closing(sqlite3.connect(self._path)) as connection:
            return pd.read_sql_query(query, connection, parse_dates=list(dates))

    def in_pieces(self, lines: pd.DataFrame) -> pd.Series:
        units = pd.MultiIndex.from_frame(lines[["code_article", "unite"]])
        return lines["qte"] * self._base.reindex(units).to_numpy()


@pytest.fixture(scope="module")
def erp(built_demo: Path) -> Erp:
    return Erp(built_demo / "source" / "erp.sqlite")


def _orders(erp: Erp) -> pd.DataFrame:
    """One row per order: what was ordered, whether and when all of it came."""
    lines = erp.table(
        "select c.no_cde, l.no_ligne, c.code_tiers, c.date_cde, c.date_souhaitee, l.code_article, l.qte, "
        "l.unite from cdes_lignes l join cdes c using (no_cde) where l.etat <> 'ANN' and l.qte > 0",
        "date_cde",
        "date_souhaitee",
    )
    lines["ordered"] = erp.in_pieces(lines)
    shipped = erp.table(
        "select l.no_cde, l.no_ligne_cde as no_ligne, e.code_tiers, e.date_exp, e.date_reception, "
        "l.code_article, l.qte, l.unite from expeditions_lignes l join expeditions e using (no_bl) "
        "where e.sens = 'S' and l.no_cde is not null",
        "date_exp",
        "date_reception",
    )
    shipped["pieces"] = erp.in_pieces(shipped)
    terms = erp.table(
        "select code_tiers, date_effet, coalesce(date_fin, '2200-01-01') as date_fin, delai_transport "
        "from tiers_conditions",
        "date_effet",
        "date_fin",
    )
    dated = shipped.reset_index().merge(terms, on="code_tiers")
    dated = dated[(dated.date_exp >= dated.date_effet) & (dated.date_exp < dated.date_fin)].set_index("index")
    expected = dated.date_exp + pd.to_timedelta(dated.delai_transport, unit="D")
    shipped["arrival"] = shipped.date_reception.fillna(expected)
    came = shipped.groupby(["no_cde", "no_ligne"], as_index=False).agg(
        shipped=("pieces", "sum"), arrival=("arrival", "max")
    )
    lines = lines.merge(came, how="left", on=["no_cde", "no_ligne"]).fillna({"shipped": 0})
    lines["complete"] = lines.shipped >= lines.ordered
    lines["on_time"] = lines.complete & (lines.arrival <= lines.date_souhaitee)
    lines["filled"] = lines[["shipped", "ordered"]].min(axis=1)
    orders = lines.groupby("no_cde").agg(
        partner=("code_tiers", "first"),
        ordered_on=("date_cde", "min"),
        due=("date_souhaitee", "max"),
        complete=("complete", "all"),
        on_time=("on_time", "all"),
        arrival=("arrival", "max"),
        ordered=("ordered", "sum"),
        filled=("filled", "sum"),
    )
    orders["month"] = orders.ordered_on.dt.to_period("M").dt.to_timestamp()
    orders["is_due"] = orders.due < AS_OF
    orders["delivered"] = orders.complete & (orders.arrival <= AS_OF)
    orders["days"] = (orders.arrival - orders.ordered_on).dt.days
    return orders


def test_orders_are_as_complete_on_time_and_fast_as_the_erp_says(
    erp: Erp, published: duckdb.DuckDBPyConnection
) -> None:
    expected = {}
    for (partner, month), group in _orders(erp).groupby(["partner", "month"]):
        due = group[group.is_due]
        delivered = sorted(group[group.delivered].days)
        expected[partner, month.date()] = (
            len(group),
            len(due),
            int(due.delivered.sum()),
            int((due.delivered & due.on_time).sum()),
            int(due.ordered.sum()),
            int(due.filled.sum()),
            len(delivered),
            sum(delivered),
            delivered[math.ceil(0.9 * len(delivered)) - 1] if delivered else None,
        )
    found = published.execute(
        "select partner_code, month_start_date, order_count, due_order_count, complete_order_count, "
        "on_time_order_count, due_quantity::int, filled_quantity::int, delivered_order_count, "
        "lead_time_days, p90_lead_time_days from marts.mart_order_service_monthly"
    ).fetchall()
    assert {row[:2]: row[2:] for row in found} == expected
    assert sum(row[5] for row in found) < sum(row[4] for row in found), "carriers are late with some"


def test_orders_with_our_errors_and_reorders_are_counted(
    erp: Erp, published: duckdb.DuckDBPyConnection
) -> None:
    wrong = erp.table(
        "select distinct coalesce(l.no_cde, o.no_cde) as no_cde from factures_lignes l "
        "join factures f on f.no_piece = l.no_piece left join factures_lignes o "
        "on o.no_piece = f.no_origine and o.code_article = l.code_article "
        "where f.motif in ('ERA', 'ERP') and f.etat = 'V'"
    )
    orders = _orders(erp)
    by_partner = orders[orders.index.isin(wrong.no_cde)].groupby("partner").size().to_dict()
    found = published.execute(
        "select partner_code, sum(claimed_order_count)::int from marts.mart_order_service_monthly "
        "group by 1 having sum(claimed_order_count) > 0"
    ).fetchall()
    assert dict(found) == by_partner
    assert by_partner
    days = sorted(set(orders[orders.partner == "D13"].ordered_on))
    last_of_month = {day.to_period("M"): day for day in days}
    follows = [next((later for later in days if later > day), None) for day in last_of_month.values()]
    again = sum(
        later is not None and (later - day).days <= 60
        for day, later in zip(last_of_month.values(), follows, strict=True)
    )
    told = published.execute(
        "select sum(reordered_partner_count)::int, sum(judged_partner_count)::int, max(last_order_date) "
        "from marts.mart_order_service_monthly where partner_code = 'D13'"
    ).fetchone()
    # It has not ordered for 77 days: its last order is judged as well.
    assert told == (again, len(last_of_month), days[-1].date())
    assert again < len(last_of_month)


def test_returns_follow_the_month_and_the_invoice(erp: Erp, published: duckdb.DuckDBPyConnection) -> None:
    lines = erp.table(
        "select f.type_piece, f.code_tiers, f.date_piece, f.no_origine, o.date_piece as date_origine, "
        "l.code_article, l.qte, l.unite from factures_lignes l join factures f on f.no_piece = l.no_piece "
        "left join factures o on o.no_piece = f.no_origine where f.etat = 'V'",
        "date_piece",
        "date_origine",
    )
    lines["pieces"] = erp.in_pieces(lines)
    back = lines[(lines.type_piece == "A") & (lines.code_tiers == "D19")]
    sold = lines[(lines.type_piece == "F") & (lines.code_tiers == "D19")]
    by_month = [
        frame.groupby(frame[day].dt.to_period("M").dt.to_timestamp().dt.date).pieces.sum().to_dict()
        for frame, day in ((sold, "date_piece"), (back, "date_piece"), (back, "date_origine"))
    ]
    found = published.execute(
        "select month_start_date, sum(sold_quantity)::int, -sum(returned_quantity)::int, "
        "-sum(cohort_returned_quantity)::int from marts.mart_returns_monthly where partner_code = 'D19' "
        "group by 1"
    ).fetchall()
    assert {row[0]: row[1:] for row in found} == {
        month: tuple(int(figures.get(month, 0)) for figures in by_month) for month in by_month[0]
    }
    (rate, others) = published.execute(
        "select sum(returned_quantity) filter (where partner_code = 'D19') "
        "/ sum(sold_quantity) filter (where partner_code = 'D19'), "
        "sum(returned_quantity) filter (where partner_code <> 'D19') "
        "/ sum(sold_quantity) filter (where partner_code <> 'D19') from marts.mart_returns_monthly"
    ).fetchone() or (0, 0)
    assert rate > 3 * others, "the best customer sends back far more than the others"


def test_baskets_and_customers_are_those_of_the_lines(published: duckdb.DuckDBPyConnection) -> None:
    lines = published.execute(
        "select partner_code, month_start_date, transaction_id, customer_key, sale_date, net_amount::double "
        "as net_amount, sold_quantity_in_unit > 0 as is_sale from core.fct_sell_out "
        "where transaction_id is not null or customer_key is not null"
    ).df()
    tickets = lines[lines.transaction_id.notna()].groupby(["partner_code", "month_start_date"])
    baskets = published.execute(
        "select partner_code, month_start_date, transaction_count, average_basket_amount::double "
        "from marts.mart_sell_out_customers_monthly where transaction_count > 0"
    ).fetchall()
    expected = {
        (partner, month.date()): (
            group.transaction_id.nunique(),
            pytest.approx(group.net_amount.sum() / group.transaction_id.nunique(), abs=1e-4),
        )
        for (partner, month), group in tickets
    }
    assert {row[:2]: row[2:] for row in baskets} == expected
    assert expected
    bought = lines[lines.customer_key.notna() & lines.is_sale]
    year = bought[bought.month_start_date > pd.Timestamp("2025-06-01")]
    found = published.execute(
        "select partner_code, customer_count from marts.mart_sell_out_customers_monthly "
        "where month_start_date = date '2026-06-01' and customer_count is not null"
    ).fetchall()
    assert found
    assert (
        dict(found)
        == year[year.partner_code.isin(dict(found))].groupby("partner_code").customer_key.nunique().to_dict()
    )
