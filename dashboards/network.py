"""How the network does: what was sold to it, what it sold on, and where each partner stands."""

from datetime import timedelta

import altair as alt
import streamlit as st

from dashboards.drawing import chart, choose_channels, lines_by_month, month_axis, table
from dashboards.reading import Publication
from orchestration.figures import REPORTED_IN_FULL

MONTHS = (12, 24, 36)


def show(publication: Publication) -> None:
    channels = choose_channels(publication)
    months = st.sidebar.selectbox(publication.word("months"), MONTHS)
    first, as_of_month = publication.row(
        "select cast(date_trunc('month', as_of_date) - to_months(?) as date), "
        "cast(date_trunc('month', as_of_date) as date) from marts.publication",
        months,
    )
    chosen = "channel_code in (select unnest(?)) and month_start_date >= ? and month_start_date < ?"
    values = (list(channels), first, as_of_month)

    bought, unconverted = publication.row(
        f"select sum(net_amount), sum(unconverted_line_count) from marts.mart_sell_in_monthly where {chosen}",
        *values,
    )
    (rate,) = publication.row(
        "select cast(100 * sum(sell_out_quantity) / nullif(sum(sell_in_quantity), 0) as decimal(18, 4)) "
        f"from marts.mart_channel_balance_monthly where {chosen} and {REPORTED_IN_FULL}",
        *values,
    )
    (alerts,) = publication.row(
        "select count(*) from marts.fct_alerts where status_code = 'open' "
        "and (channel_code is null or channel_code in (select unnest(?)))",
        list(channels),
    )
    last = as_of_month - timedelta(days=1)
    st.caption(f"{publication.said(first, 'month')} – {publication.said(last, 'month')}")
    if unconverted:
        st.warning(publication.word("unconverted_lines").format(count=publication.said(unconverted, "count")))
    figures = st.columns(3)
    figures[0].metric(publication.word("sell_in_amount"), publication.said(bought, "amount"))
    figures[1].metric(
        publication.word("ratio"), publication.said(rate, "percent"), help=publication.word("ratio_of")
    )
    figures[2].metric(publication.word("open_alerts"), publication.said(alerts, "count"))

    lines_by_month(
        publication,
        publication.frame(
            "select month_start_date, sum(sell_in_quantity) as sell_in, sum(sell_out_quantity) as sell_out "
            f"from marts.mart_channel_balance_monthly where {chosen} and {REPORTED_IN_FULL} "
            "group by all order by all",
            *values,
        ),
        {"sell_in": publication.word("sell_in"), "sell_out": publication.word("sell_out")},
        publication.word("ratio_of"),
    )

    st.subheader(publication.word("by_channel"))
    by_channel = publication.frame(
        f"select month_start_date, channel_name_{publication.locale} as channel, "
        "sum(net_amount) as net_amount "
        f"from marts.mart_sell_in_monthly inner join core.dim_channels using (channel_code) where {chosen} "
        "group by all order by all",
        *values,
    )
    chart(
        publication,
        alt.Chart(by_channel)
        .mark_bar()
        .encode(
            x=month_axis(publication, "O"),
            y=alt.Y("net_amount:Q", title=publication.currency, axis=alt.Axis(format=",.0f")),
            color=alt.Color("channel:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=[
                alt.Tooltip("channel:N", title=publication.word("channels")),
                alt.Tooltip("net_amount:Q", format=",.2f", title=publication.currency),
            ],
        ),
    )

    st.subheader(publication.word("partners"))
    table(
        publication,
        publication.frame(
            "select partner_code, partner_name, sales_12_months_amount, rolling_sell_out_sell_in_rate, "
            "weeks_of_supply, compliance_rate, profit_12_months_rate, abc_code, overdue_amount, "
            "open_alert_count, alert_at_stake_amount from marts.mart_partner_360 "
            "where channel_code in (select unnest(?)) "
            "order by alert_at_stake_amount desc nulls last, partner_code",
            list(channels),
        ),
        "mart_partner_360",
    )


show(st.session_state["publication"])
