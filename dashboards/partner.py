"""One partner: everything that its page says, its months, its scorecard and its alerts."""

import altair as alt
import pandas as pd
import streamlit as st

from dashboards.drawing import chart, lines_by_month, plain, table
from dashboards.reading import Publication
from orchestration.partner_page import Page, partner_page


def show(publication: Publication) -> None:
    partners = publication.frame(
        "select partner_code, partner_name from marts.mart_partner_360 order by partner_code"
    )
    names = dict(zip(partners["partner_code"], partners["partner_name"], strict=True))
    partner = st.sidebar.selectbox(
        publication.word("partner"), list(names), format_func=lambda code: f"{code} {names[code]}"
    )
    page = partner_page(publication.folder, partner, publication.locale, publication.version)
    st.header(plain(f"{page.code} {page.name}"))
    _show_alerts(publication, page)
    _show_conflicts(publication, page)
    _show_months(publication, partner)
    _show_scores(publication, partner)
    columns = st.columns(2)
    for number, (title, names_of_columns) in enumerate(page.sections()):
        with columns[number % 2].container(border=True):
            st.markdown(f"**{title}**")
            st.table({page.heading(column): plain(page.said(column)) for column in names_of_columns})


def _show_alerts(publication: Publication, page: Page) -> None:
    if not page.alerts:
        st.success(publication.word("no_alert"))
    for alert in page.alerts:
        name, action = alert.name(publication.locale), alert.action(publication.locale)
        st.warning(f"**{name}** {plain(alert.product_name or '')}  \n{action}")


def _show_conflicts(publication: Publication, page: Page) -> None:
    if not page.conflicts:
        return
    st.subheader(page.word("conflicts"))
    frame = pd.DataFrame(
        {
            "kind_name": item.kind,
            "other_partner_code": item.other_partner,
            "territory_name": item.territory,
            "family_code": item.family,
            "at_stake_amount": None if item.stake is None else float(item.stake),
        }
        for item in page.conflicts
    )
    kind = {"kind_name": publication.heading("mart_territory_conflicts", "kind_code")}
    table(publication, frame, "mart_territory_conflicts", kind)


def _show_months(publication: Publication, partner: str) -> None:
    frame = publication.frame(
        "select month_start_date, sum(sell_in_quantity) as sell_in, sum(sell_out_quantity) as sell_out, "
        "sum(closing_stock_quantity) as stock from marts.mart_channel_balance_monthly "
        "where partner_code = ? group by all order by all",
        partner,
    )
    names = {
        "sell_in": publication.word("sell_in"),
        "sell_out": publication.word("sell_out"),
        "stock": publication.word("known_stock"),
    }
    lines_by_month(publication, frame, names, publication.word("units_by_month"))


def _show_scores(publication: Publication, partner: str) -> None:
    name = f"theme_name_{publication.locale}"
    scores = publication.frame(
        f"select month_start_date, theme_number, {name} as theme, score_value, segment_median_score "
        "from marts.mart_partner_scorecard_monthly where partner_code = ? "
        "qualify month_start_date = max(month_start_date) over () order by theme_number",
        partner,
    )
    if scores.empty:
        return
    month = scores["month_start_date"].iloc[0].date()
    st.subheader(f"{publication.word('scorecard')} {publication.said(month, 'month')}")
    chart(
        publication,
        alt.Chart(scores)
        .mark_bar()
        .encode(
            x=alt.X("score_value:Q", title=publication.word("score"), scale=alt.Scale(domain=[0, 100])),
            y=alt.Y("theme:N", title=None, sort=list(scores["theme"])),
            tooltip=[
                alt.Tooltip("theme:N", title=" "),
                alt.Tooltip(
                    "score_value:Q",
                    format=".1f",
                    title=publication.heading("mart_partner_scorecard_monthly", "score_value"),
                ),
                alt.Tooltip(
                    "segment_median_score:Q",
                    format=".1f",
                    title=publication.heading("mart_partner_scorecard_monthly", "segment_median_score"),
                ),
            ],
        ),
    )


show(st.session_state["publication"])
