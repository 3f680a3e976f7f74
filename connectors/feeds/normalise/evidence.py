"""What is kept of faulty rows: fault, reason, text and stake.

What belongs here: `faults`, and what may be shown of a row that may name a customer. What does not:
conditions (`faults`), and listing and replaying what is in quarantine (`connectors.feeds.quarantine`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb

from connectors.contract import MONEY, QUANTITY
from connectors.feeds.customers import looks_personal_sql
from connectors.feeds.normalise.cells import first_row_sql
from connectors.feeds.normalise.faults import Fault
from connectors.feeds.normalise.layout import METRICS, TEXTS, Layout
from connectors.feeds.normalise.typed import typed_sql
from connectors.feeds.reasons import explain
from connectors.feeds.table import quoted

_SHOWN_LENGTH: Final = 4000
_MASK: Final = "***"
_WITHHELD: Final = "(withheld: the row may name a customer)"


def itemise_faults(
    connection: duckdb.DuckDBPyConnection, layout: Layout, faults: Sequence[Fault], any_faulty: bool
) -> dict[int, dict[str, int]]:
    """One row per fault, with the row's text; the conditions run again on the faulty rows only.

    Gives the number of faults by file and code.
    """
    connection.execute(
        "create or replace temp table faults (_file integer, source_row bigint, column_name varchar, "
        f"value varchar, reason_code varchar, reason varchar, raw_text varchar, quantity {QUANTITY}, "
        f"amount {MONEY})"
    )
    if not any_faulty:
        return {}
    numbered = "from source_rows"
    if layout.table.expected_rows is not None:
        numbered = (
            f"select * replace (row_number() over () - 1 + {first_row_sql(layout)} as _row) from source_rows"
        )
    connection.execute(
        f"create or replace temp table faulty as select numbered.* from ({numbered}) as numbered "
        "semi join (select _file, _row from judged where is_faulty) as bad using (_file, _row)"
    )
    connection.execute(f"create or replace temp table faulty_typed as {typed_sql(layout, 'faulty')}")
    raw_text = _raw_text(layout)
    width = str(len(layout.table.titles))
    malformed = quoted(_WITHHELD) if layout.profile.names_people else f"left(_malformed, {_SHOWN_LENGTH})"
    found = f"null, 'malformed_row', {quoted(explain('malformed_row', '', width))}"
    if layout.table.names_faults:
        found = "nullif(_fault_value, ''), _fault, _fault_reason"
    # In a row that does not have the header's cells none is surely the one that its place says.
    connection.execute(
        f"insert into faults select _file, _row, null, {found}, {malformed}, null, null "
        "from faulty where _malformed is not null"
    )
    stake = ", ".join(_stake(layout))
    for fault in faults:
        connection.execute(
            f"insert into faults select _file, _row, {quoted(fault.column)}, "
            f"{_shown(layout, f'left({fault.value}, {_SHOWN_LENGTH})', _MASK)}, "
            f"{quoted(fault.code)}, {fault.reason}, {_shown(layout, raw_text, _WITHHELD)}, {stake} "
            f"from faulty_typed where _malformed is null and {fault.condition}"
        )
    connection.execute("drop table faulty; drop table faulty_typed")
    reasons: dict[int, dict[str, int]] = {}
    for file, code, count in connection.execute(
        "select _file, reason_code, count(*) from faults group by all order by all"
    ).fetchall():
        reasons.setdefault(file, {})[code] = count
    return reasons


def _stake(layout: Layout) -> tuple[str, str]:
    """SQL: units and amount of a faulty row as far as its cells can be read, NULL where they cannot.

    Units are sold less returned; those on hand where the feed reports no sales. What was returned alone says
    nothing of a row whose sales are there and unreadable.
    """
    profile = layout.profile

    def cells(metric: str, value: str = "") -> list[str]:
        wide = [f"w{value}_{column.position}" for column in layout.wide if column.metric == metric]
        return wide or ([f"{value or 'n'}_{metric}"] if metric in layout.positions else [])

    sold, returned = cells("sold_quantity"), cells("returned_quantity")
    plus, minus = (sold, returned) if sold or returned else (cells("on_hand_quantity"), [])
    signed = [*plus, *(f"-abs({value})" if profile.returns_are_negative else f"-{value}" for value in minus)]
    units = _sum_of(signed, QUANTITY)
    if sold and returned:
        texts = ", ".join(cells("sold_quantity", "t"))
        units = (
            f"case when coalesce({', '.join(sold)}) is not null or coalesce({texts}) is null then {units} end"
        )
    back = [f"-abs({value})" for value in cells("returned_amount")]
    amount = _sum_of([*cells("net_amount"), *back], MONEY)
    if profile.return_rows:
        units, amount = (
            f"case when is_return then -abs({value}) else {value} end" for value in (units, amount)
        )
    return units, amount


def _sum_of(values: Sequence[str], type_: str) -> str:
    """SQL: the sum of those that are known, NULL where none is."""
    return f"cast(list_sum([{', '.join(values)}]) as {type_})" if values else f"cast(null as {type_})"


def _shown(layout: Layout, text: str, instead: str) -> str:
    """SQL: the text, or `instead` where the row may hold a person's name, address or number in a column that
    should not have one.

    Words where a number or a date belongs are cells in the wrong place: in feeds that name people nothing of
    such a row is shown.
    """
    if not layout.profile.names_people:
        return text
    values = [name for name in layout.positions if name in METRICS or name == "sale_date"]
    cells = [f"t_{name}" for name in values] + [f"wt_{column.position}" for column in layout.wide]
    cells += ["t_period"] if layout.period_position is not None else []
    signs = [f"coalesce(regexp_matches({cell}, '\\p{{L}}[^0-9]*\\p{{L}}'), false)" for cell in cells]
    texts = [name for name in (*TEXTS, "gtin", "unit_code", "currency_code") if name in layout.positions]
    signs += [f"coalesce({looks_personal_sql(f't_{name}')}, false)" for name in (*texts, *values)]
    return f"case when {' or '.join(signs)} then {quoted(instead)} else {text} end"


def _raw_text(layout: Layout) -> str:
    """SQL: the row's cells as text. Where people are named, cells that the profile does not know are masked
    too.
    """
    shown = set(range(len(layout.table.titles)))
    if layout.profile.names_people:
        shown = {position for name, position in layout.positions.items() if not name.startswith("customer")}
        shown |= {column.position for column in layout.wide}
        shown |= {layout.period_position} if layout.period_position is not None else set()
    cells = [
        f"coalesce(c{i}, '')" if i in shown else f"case when c{i} <> '' then {quoted(_MASK)} else '' end"
        for i in range(len(layout.table.titles))
    ]
    return f"left(concat_ws({quoted(layout.table.separator)}, {', '.join(cells)}), {_SHOWN_LENGTH})"
