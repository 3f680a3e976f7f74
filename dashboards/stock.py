"""What lies in the channel: positions by status, and those that run short or stand too high."""

import altair as alt
import streamlit as st

from dashboards.drawing import chart, choose_channels, table
from dashboards.reading import Publication
from orchestration.figures import NEWEST_STOCK

MART = "mart_channel_inventory_weekly"
STATUSES = ("shortage", "low", "normal", "overstock", "no_movement")
COLOURS = ("#b2182b", "#ef8a62", "#9ecae1", "#8073ac", "#bdbdbd")


def show(publication: Publication) -> None:
    channels = choose_channels(publication)
    names = {code: publication.codes(MART, "stock_status_code").get(code, code) for code in STATUSES}
    chosen = f"{NEWEST_STOCK} as newest where channel_code in (select unnest(?))"
    counts = publication.frame(
        f"select partner_code, stock_status_code, count(*) as positions, sum(on_hand_quantity) as on_hand "
        f"from {chosen} group by all order by all",
        list(channels),
    )
    counts["status"] = counts["stock_status_code"].map(names)
    st.subheader(publication.word("positions"))
    chart(
        publication,
        alt.Chart(counts)
        .mark_bar()
        .encode(
            x=alt.X("partner_code:N", title=None),
            y=alt.Y("positions:Q", title=None),
            color=alt.Color(
                "status:N",
                title=None,
                scale=alt.Scale(domain=list(names.values()), range=list(COLOURS)),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("partner_code:N", title=publication.word("partner")),
                alt.Tooltip("status:N", title=publication.word("status")),
                alt.Tooltip("positions:Q", title=publication.word("positions")),
                alt.Tooltip("on_hand:Q", format=",.0f", title=publication.word("on_hand")),
            ],
        ),
    )
    status = st.sidebar.selectbox(publication.word("status"), STATUSES, format_func=names.__getitem__)
    table(
        publication,
        publication.frame(
            "select partner_code, partner_name, newest.product_code, product_name, stock_date, "
            "on_hand_quantity, mean_daily_sell_out_quantity, weeks_of_supply "
            f"from (select * from {chosen}) as newest "
            "left join core.dim_products as products on newest.product_code = products.product_code "
            "left join (select partner_code, partner_name from core.dim_partners where is_current) "
            "as partners using (partner_code) where stock_status_code = ? "
            "order by on_hand_quantity desc, partner_code, newest.product_code",
            list(channels),
            status,
        ),
        MART,
        {
            "partner_name": publication.heading("dim_partners", "partner_name"),
            "product_name": publication.heading("dim_products", "product_name"),
        },
    )


show(st.session_state["publication"])
