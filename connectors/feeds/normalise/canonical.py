"""Good rows as rows of a canonical entity.

What belongs here: which columns a row fills, and with what; what of it looks personal once it has landed.
What does not: which rows are good (`judging`), and writing them (`connectors.feeds.intake.landing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from connectors.contract import Entity, entity
from connectors.feeds.customers import looks_personal_sql
from connectors.feeds.normalise.cells import by_file
from connectors.feeds.normalise.layout import METRICS, TEXTS, Layout, WideColumn
from connectors.feeds.normalise.numbers import metric_type
from connectors.feeds.periods import Span
from connectors.feeds.profile import Profile
from connectors.feeds.table import quoted


@dataclass(frozen=True)
class Lines:
    """How a canonical entity's rows come: `query` gives `_file` and the columns that vary, file after file;
    `constants` the columns that hold one value in every row of a file, by file.
    """

    query: str
    constants: tuple[Mapping[str, object], ...]


def lines(layout: Layout, name: str, feed_code: str) -> Lines:
    """The good rows as rows of `sell_out` or `inventory`, in the order of files and periods."""
    profile, positions = layout.profile, layout.positions
    prefix = f"{profile.partner}|{feed_code}|"
    varying = {
        "slice_key": f"{quoted(prefix)} || period_key",
        "period_start_date": "start_date",
        "period_end_date": "end_date",
        "sale_date": "coalesce(sale_date, line_date)",
        "month_start_date": "month_date",
        "stock_date": "coalesce(sale_date, own_date, end_date)",
        "_source_column": "source_column",
        "_source_row": "_row",
        **{text: f"t_{text}" for text in TEXTS},
        **{
            text: text
            for text in ("gtin", "currency_code", "unit_code", "customer_key", "business_customer_key")
        },
        **_quantities(profile),
    }
    constant: dict[str, object] = {"partner_code": profile.partner, "feed_code": feed_code}
    constant |= {text: None for text in ("gtin", *TEXTS) if text not in positions}
    constant |= {"customer_key": None} if "customer" not in positions else {}
    constant |= {} if profile.names_businesses else {"business_customer_key": None}
    constant |= {"month_start_date": None} if "sale_date" in positions else {}
    constant |= {"currency_code": profile.currency} if "currency_code" not in positions else {}
    constant |= {"unit_code": profile.unit} if "unit_code" not in positions else {}
    has_parts = bool(layout.wide) or layout.table.names_faults
    constant |= {} if has_parts else {"_source_column": ""}
    if any(column.store for column in layout.wide):
        del constant["store_code"]
        varying["store_code"] = "cell_store"
    by_file = [constant] * len(layout.files)
    if layout.spans:
        by_file = [
            {
                "month_start_date": span.month,
                **constant,
                "slice_key": prefix + span.key,
                "period_start_date": span.start,
                "period_end_date": span.end,
            }
            for span in layout.spans
        ]
    target = entity("feeds", name)
    columns = ", ".join(
        f"cast({varying[column.name]} as {column.type}) as {column.name}"
        for column in target.all_columns
        if column.name in varying and column.name not in by_file[0]
    )
    reported, order = _is_reported(layout, name), _order(layout, target)
    query = f"select _file, {columns} from ({_cells(layout)}) where {reported} {order}"
    return Lines(query, tuple(by_file))


def _cells(layout: Layout) -> str:
    """SQL: good rows with one period each, and the metrics of that period as `n_…`."""
    good = "from judged where not is_skipped and not is_faulty"
    if not layout.wide:
        absent = "".join(
            f", cast(null as {metric_type(name)}) as n_{name}"
            for name in METRICS
            if name not in layout.positions
        )
        if layout.spans:
            # A join would cost each row more than a look at a list of few dates.
            end = by_file([f"date '{span.end}'" for span in layout.spans])
            line = by_file([f"date '{span.line_date}'" for span in layout.spans])
            return f"select *{absent}, {end} as end_date, {line} as line_date {good}"
        return (
            f"select cells.*{absent}, start_date, end_date, line_date, month_date, period_key "
            f"from (select * {good}) as cells "
            "join spans on cells._file = spans._file and period_start_date = start_date"
        )
    by_cell: dict[tuple[Span | None, str | None], dict[str, WideColumn]] = {}
    for column in layout.wide:
        by_cell.setdefault((column.span, column.store), {})[column.metric] = column
    structs = []
    for (span, store), metrics in by_cell.items():
        fields = [
            "'start': " + (f"date '{span.start}'" if span else "cast(null as date)"),
            "'store': " + (quoted(store) if store else "cast(null as varchar)"),
            f"'source_column': {quoted(next(iter(metrics.values())).title)}",
        ]
        for metric in METRICS:
            value = f"w_{metrics[metric].position}" if metric in metrics else "null"
            fields.append(f"'n_{metric}': cast({value} as {metric_type(metric)})")
        structs.append("{" + ", ".join(fields) + "}")
    on = "cells.period_start_date = start_date"
    if layout.spans:
        on = "true"
    elif layout.profile.period.source == "header":
        on = "cell.start = start_date"
    return (
        "select cells.*, cell.source_column, cell.store as cell_store, "
        f"{', '.join(f'cell.n_{metric} as n_{metric}' for metric in METRICS)}, "
        "start_date, end_date, line_date, month_date, period_key "
        f"from (select *, unnest([{', '.join(structs)}]) as cell {good}) as cells "
        f"join spans on cells._file = spans._file and {on}"
    )


def _quantities(profile: Profile) -> dict[str, str]:
    sold = "coalesce(n_sold_quantity, 0)"
    returned = "coalesce(n_returned_quantity, 0)"
    if profile.returns_are_negative:
        returned = f"abs({returned})"
    if profile.negative_sold_is_return:
        returned = f"{returned} + greatest(-{sold}, 0)"
        sold = f"greatest({sold}, 0)"
    amount = "n_net_amount"
    if profile.columns.returned_amount:
        known = "coalesce(n_net_amount, n_returned_amount) is not null"
        net = "coalesce(n_net_amount, 0) - abs(coalesce(n_returned_amount, 0))"
        amount = f"case when {known} then {net} end"
    if profile.return_rows:
        back = "abs(coalesce(n_sold_quantity, 0)) + abs(coalesce(n_returned_quantity, 0))"
        sold = f"case when is_return then 0 else {sold} end"
        returned = f"case when is_return then {back} else {returned} end"
        amount = f"case when is_return then -abs(n_net_amount) else {amount} end"
    on_hand = "coalesce(n_on_hand_quantity, 0)" if profile.empty_is_zero else "n_on_hand_quantity"
    return {
        "sold_quantity": sold,
        "returned_quantity": returned,
        "net_amount": amount,
        "on_hand_quantity": on_hand,
        "in_transit_quantity": "n_in_transit_quantity",
    }


def _is_reported(layout: Layout, name: str) -> str:
    """SQL: whether a row says anything about the entity; an empty cell says nothing unless it means zero."""
    if layout.profile.empty_is_zero:
        return "true"
    if name == "sell_out":
        return "(n_sold_quantity is not null or n_returned_quantity is not null)"
    return "n_on_hand_quantity is not null"


def _order(layout: Layout, target: Entity) -> str:
    """Facts are kept in period order; the rows of a single period stay as they came."""
    if layout.spans:
        return "order by _file, _source_row" if layout.needs_joins else ""
    return f"order by _file, period_start_date, {target.date_column}, _source_row"


def personal_values(
    connection: duckdb.DuckDBPyConnection, layout: Layout, landed: Sequence[Path]
) -> list[dict[str, int]]:
    """Rows of each landed file by column whose text looks like an e-mail address or a telephone number."""
    found: list[dict[str, int]] = [{} for _ in landed]
    names = [name for name in TEXTS if name in layout.positions]
    if not names:
        return found
    signs = [looks_personal_sql(name) for name in names]
    counts = ", ".join(f"count(*) filter (where {sign})" for sign in signs)
    paths = ", ".join(quoted(str(path)) for path in landed)
    # Nearly no row has a sign: what is filtered first costs a fifth of what each count filters for itself.
    for file, *row in connection.execute(
        f"select file_index, {counts} from read_parquet([{paths}]) "
        f"where {' or '.join(signs)} group by file_index"
    ).fetchall():
        found[file] = {name: count for name, count in zip(names, row, strict=True) if count}
    return found
