"""How the pages draw: charts with the numbers of the company's language, tables with business names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import altair as alt
import pandas as pd
import streamlit as st

from dashboards.reading import Publication
from orchestration.declared import models
from orchestration.workbook import Kind, kind_of

_NUMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "fr": {"decimal": ",", "thousands": "\u202f", "grouping": [3], "currency": ["", ""]},
    "en": {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["", ""]},
}
_LABEL_PIXELS: Final = 320
_PLACES: Final = {"amount": 2, "percent": 1, "quantity": 3}
_SHOWN: Final[Mapping[Kind, float]] = {"amount": 0.01, "percent": 0.1, "count": 1}
_MONTH: Final = {"fr": "%m/%Y", "en": "%Y-%m"}


def plain(text: str) -> str:
    """A name as it is written: what a page says is Markdown, whose marks make links and load images."""
    return re.sub(r"([\\`*_\[\]<>~$:!#&|])", r"\\\1", text)


def chart(publication: Publication, drawn: alt.Chart) -> None:
    """Show a chart over the whole width, or say that there is nothing to draw."""
    if drawn.data.empty:
        st.info(publication.word("no_rows"))
        return
    configured = drawn.configure(locale={"number": _NUMBERS[publication.locale]})
    st.altair_chart(
        configured.configure_axisY(labelLimit=_LABEL_PIXELS).configure_legend(
            labelLimit=_LABEL_PIXELS, columns=2
        )
    )


def month_axis(publication: Publication, kind: Literal["T", "O"] = "T") -> alt.X:
    """Months of `month_start_date` from left to right: as instants for lines, as bands (O) for bars."""
    axis = alt.Axis(format=_MONTH[publication.locale], labelAngle=-45)
    return alt.X(f"yearmonth(month_start_date):{kind}", title=None, axis=axis)


def lines_by_month(
    publication: Publication, frame: pd.DataFrame, names: Mapping[str, str], title: str
) -> None:
    """The columns of `names`, called as it says, as lines over the months."""
    long = frame.rename(columns=dict(names)).melt("month_start_date", list(names.values()), "name", "value")
    drawn = (
        alt.Chart(long)
        .mark_line(point=True)
        .encode(
            x=month_axis(publication),
            y=alt.Y("value:Q", title=publication.word("units"), axis=alt.Axis(format=",.0f")),
            color=alt.Color("name:N", title=None, sort=list(names.values()), legend=alt.Legend(orient="top")),
            tooltip=[
                alt.Tooltip(
                    "month_start_date:T", format=_MONTH[publication.locale], title=publication.word("month")
                ),
                alt.Tooltip("name:N", title=" "),
                alt.Tooltip("value:Q", format=",.0f", title=publication.word("units")),
            ],
        )
    )
    st.subheader(title)
    chart(publication, drawn)


def table(
    publication: Publication, frame: pd.DataFrame, of: str, others: Mapping[str, str] | None = None
) -> None:
    """Rows with the business names of the columns of the model `of`, or those of `others`; codes in words."""
    if frame.empty:
        st.info(publication.word("no_rows"))
        return
    config = {}
    shown = frame.copy()
    for column in frame.columns:
        kind = kind_of(column, models()[of].types.get(column, ""))
        if words := publication.codes(of, column):
            shown[column] = frame[column].map(dict(words)).fillna(frame[column])
        elif kind in _PLACES:
            shown[column] = frame[column].round(_PLACES[kind])
        elif kind == "date":
            # An instant is moved to the browser's time zone, and stood on the day before in America.
            shown[column] = frame[column].dt.date
        heading = (others or {}).get(column) or publication.heading(of, column)
        if column.endswith("_amount"):
            heading = f"{heading} ({publication.currency})"
        config[column] = _column(heading, kind)
    st.dataframe(shown, column_config=config, hide_index=True, placeholder=publication.word("not_known"))


def _column(heading: str, kind: Kind) -> Any:
    """A column of a table; numbers and days stand as the browser's language writes them."""
    if kind in ("amount", "percent", "quantity", "count"):
        return st.column_config.NumberColumn(heading, format="localized", step=_SHOWN.get(kind))
    if kind == "date":
        return st.column_config.DateColumn(heading, format="localized")
    return st.column_config.Column(heading)


def choose_channels(publication: Publication) -> Sequence[str]:
    """The channels chosen beside the page; all to begin with."""
    channels = publication.frame(
        f"select channel_code, channel_name_{publication.locale} as name from core.dim_channels order by all"
    )
    names = dict(zip(channels["channel_code"], channels["name"], strict=True))
    return st.sidebar.multiselect(
        publication.word("channels"), list(names), default=list(names), format_func=names.__getitem__
    )
