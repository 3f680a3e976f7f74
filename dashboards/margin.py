"""What the channel earns: from list price to contribution, by partner, and held against the ledger."""

from datetime import date

import altair as alt
import streamlit as st

from dashboards.drawing import chart, table
from dashboards.reading import Publication

PROFITABILITY = "mart_partner_profitability_monthly"
RECONCILIATION = "mart_margin_reconciliation_monthly"
# What both sides say, their difference, and its causes, which sum to it.
AMOUNTS = (
    "warehouse_amount",
    "ledger_amount",
    "difference_amount",
    "missing_in_ledger_amount",
    "missing_in_warehouse_amount",
    "other_month_amount",
    "other_partner_amount",
    "other_amount_amount",
    "manual_entry_amount",
    "rounding_amount",
    "corrected_cost_amount",
    "unexplained_amount",
)


def show(publication: Publication) -> None:
    months = publication.frame(
        "select distinct month_start_date from marts.mart_margin_waterfall_monthly order by all desc"
    )["month_start_date"].dt.date.tolist()
    if not months:
        st.info(publication.word("no_rows"))
        return
    month = st.sidebar.selectbox(
        publication.word("month"), months, format_func=lambda day: publication.said(day, "month")
    )
    _show_waterfall(publication, month)
    st.subheader(publication.word("profitability"))
    table(
        publication,
        publication.frame(
            "select partner_code, partner_name, invoice_sales_amount, pocket_sales_amount, "
            "pocket_margin_amount, pocket_margin_rate, channel_contribution_amount, financing_cost_amount, "
            f"profit_amount, profit_rate, abc_code from marts.{PROFITABILITY} "
            "left join (select partner_code, partner_name from core.dim_partners where is_current) "
            "as partners using (partner_code) where month_start_date = ? "
            "order by profit_amount desc nulls last, partner_code",
            month,
        ),
        PROFITABILITY,
        {"partner_name": publication.heading("dim_partners", "partner_name")},
    )
    st.subheader(publication.word("reconciliation"))
    ledger = publication.frame(
        f"select measure_code, {', '.join(f'sum({column}) as {column}' for column in AMOUNTS)} "
        f"from marts.{RECONCILIATION} where month_start_date = ? group by all order by all",
        month,
    )
    if ledger.empty:
        st.info(publication.word("no_ledger"))
    else:
        table(publication, ledger, RECONCILIATION)


def _show_waterfall(publication: Publication, month: date) -> None:
    steps = publication.frame(
        f"select margin_step_code, margin_step_name_{publication.locale} as step, is_level "
        "from core.dim_margin_steps order by step_order"
    )
    # A level that one row does not know is not known: the sum of the others is no level of these sales.
    sums = ", ".join(
        f"case when count(*) = count({code}_amount) then sum({code}_amount) end as {code}"
        for code in steps["margin_step_code"]
    )
    unknown, *amounts = publication.row(
        "select sum(unconverted_line_count + line_without_cost_count), "
        f"{sums} from marts.mart_margin_waterfall_monthly where month_start_date = ?",
        month,
    )
    steps["amount"] = [None if amount is None else float(amount) for amount in amounts]
    st.subheader(f"{publication.word('waterfall')}, {publication.said(month, 'month')}")
    if unknown:
        st.warning(publication.word("unknown_lines").format(count=publication.said(unknown, "count")))
    chart(
        publication,
        alt.Chart(steps)
        .mark_bar()
        .encode(
            x=alt.X("amount:Q", title=publication.currency, axis=alt.Axis(format=",.0f")),
            y=alt.Y("step:N", title=None, sort=list(steps["step"])),
            color=alt.Color("is_level:N", legend=None, scale=alt.Scale(range=["#ef8a62", "#2166ac"])),
            tooltip=[
                alt.Tooltip("step:N", title=publication.word("step")),
                alt.Tooltip("amount:Q", format=",.2f", title=publication.currency),
            ],
        ),
    )


show(st.session_state["publication"])
