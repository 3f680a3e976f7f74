"""Source rows with typed columns, in SQL.

Every row keeps its cells, and has its texts (`t_`), its values (`n_`; `w_` and `wt_` for wide columns) and
its dates beside them. What belongs here: putting the parts together. What does not: the parts (`numbers`,
`dates`, `codes`), and whether a value is wrong (`faults`).
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.feeds.customers import BUSINESS_COLUMNS
from connectors.feeds.normalise.cells import BLANKS, text_sql
from connectors.feeds.normalise.codes import currency_sql, gtin_sql, unit_sql
from connectors.feeds.normalise.dates import date_sql, period_sql
from connectors.feeds.normalise.layout import METRICS, TEXTS, Layout
from connectors.feeds.normalise.numbers import figure_sql, metric_sql
from connectors.feeds.profile import MarkedRows
from connectors.feeds.table import quoted


def typed_sql(layout: Layout, source: str) -> str:
    """SQL: every source row with its texts (`t_`), values (`n_`, `w_` for wide columns) and dates."""
    profile = layout.profile
    texts = {name: text_sql(layout, position) for name, position in layout.positions.items()}
    texts |= {name: figure_sql(texts[name], profile) for name in METRICS if name in texts}
    texts |= {
        name: "cast(null as varchar)" for name in (*TEXTS, *METRICS, "gtin", "sale_date") if name not in texts
    }
    texts_sql = ", ".join(f"{sql} as t_{name}" for name, sql in texts.items())
    wide_texts = "".join(
        f", {figure_sql(text_sql(layout, column.position), profile)} as wt_{column.position}"
        for column in layout.wide
    )
    period_text = (
        text_sql(layout, layout.period_position)
        if layout.period_position is not None
        else "cast(null as varchar)"
    )
    numbers = [f"{metric_sql(f't_{name}', name, profile)} as n_{name}" for name in METRICS]
    numbers += [
        f"{metric_sql(f'wt_{column.position}', column.metric, profile)} as w_{column.position}"
        for column in layout.wide
    ]
    sale_date = (
        date_sql("t_sale_date", profile.date_format)
        if "sale_date" in layout.positions
        else "cast(null as date)"
    )
    period, own_date, join = period_sql(layout)
    last = "period_texts.last_date" if layout.reads_period_texts else "cast(null as date)"
    customer = "cast(null as varchar)"
    if "customer" in layout.positions:
        customer = "customers.hash"
        join += " left join customers on customers.customer = t_customer"
    business = "cast(null as varchar)"
    if profile.names_businesses:
        business = "businesses.hash"
        join += " left join businesses on " + " and ".join(
            f"businesses.{name.removeprefix('customer_')} is not distinct from "
            + (f"t_{name}" if name in layout.positions else "null")
            for name in BUSINESS_COLUMNS
        )
    return f"""
        select *, {currency_sql(layout)} as currency_code, {unit_sql(layout)} as unit_code,
               {gtin_sql("t_gtin")} as gtin,
               {", ".join(numbers)}
        from (
            select texts.*, {_is_skipped(layout)} as is_skipped, {_is_return(layout)} as is_return,
                   {sale_date} as sale_date,
                   {own_date} as own_date, {period} as period_start_date, {last} as period_last_date,
                   {customer} as customer_key, {business} as business_customer_key
            from (select *, {texts_sql}{wide_texts}, {period_text} as t_period from {source}) as texts
            {join}
        )
    """


def _is_skipped(layout: Layout) -> str:
    """SQL: rows that are no data: without any text, the titles once more (a report of several pages), or
    declared by `skip_rows`.
    """
    texts = [f"t_{name}" for name in layout.positions] + [f"wt_{column.position}" for column in layout.wide]
    nothing_known = " and ".join(f"{text} is null" for text in texts)
    everything = ", ".join(f"c{i}" for i in range(len(layout.table.titles)))
    # The whole row is looked at only where nothing of interest stands in it.
    conditions = [
        f"case when {nothing_known} then trim(concat({everything}, _malformed), {quoted(BLANKS)}) = '' "
        "else false end"
    ]
    titles = {f"t_{name}": layout.title(name) for name in layout.positions}
    titles |= {f"wt_{column.position}": column.title for column in layout.wide}
    if len(titles) > 1:
        repeated = " and ".join(f"{text} = {quoted(title)}" for text, title in titles.items())
        conditions.append(f"coalesce({repeated}, false)")
    conditions += _marks(layout, layout.skip_positions, layout.profile.skip_rows)
    return " or ".join(f"({condition})" for condition in conditions)


def _is_return(layout: Layout) -> str:
    """SQL: rows of returns, declared by `return_rows`."""
    return " or ".join(_marks(layout, layout.return_positions, layout.profile.return_rows)) or "false"


def _marks(layout: Layout, positions: Sequence[int], rows: Sequence[MarkedRows]) -> list[str]:
    return [
        f"coalesce(regexp_matches({text_sql(layout, position)}, {quoted(marked.pattern)}), false)"
        for position, marked in zip(positions, rows, strict=True)
    ]


def judged_columns(layout: Layout) -> list[str]:
    """Columns of `judged` beside row and verdict: what a file lacks is not stored for each of its rows."""
    positions = layout.positions
    columns = ["period_start_date", "sale_date", "own_date"]
    columns += ["is_return"] if layout.profile.return_rows else []
    columns += [name for name in ("gtin", "currency_code", "unit_code") if name in positions]
    columns += ["customer_key"] if "customer" in positions else []
    columns += ["business_customer_key"] if layout.profile.names_businesses else []
    columns += ["_part as source_column"] if layout.table.names_faults else []
    columns += [f"t_{name}" for name in TEXTS if name in positions]
    columns += [f"n_{name}" for name in METRICS if name in positions]
    return columns + [f"w_{column.position}" for column in layout.wide]
