"""What can be wrong with a well-formed row, as conditions on its typed columns.

What belongs here: conditions. What does not: their words (`connectors.feeds.reasons`), and what is kept of a
faulty row (`evidence`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from connectors.feeds.customers import BUSINESS_COLUMNS
from connectors.feeds.normalise.cells import by_file
from connectors.feeds.normalise.dates import date_example, period_example
from connectors.feeds.normalise.layout import METRICS, PRODUCT, QUANTITIES, SENDER, TEXTS, Layout, in_words
from connectors.feeds.normalise.numbers import number_example
from connectors.feeds.profile import Excel
from connectors.feeds.reasons import explain
from connectors.feeds.synonyms import TOTAL_LETTERS, TOTAL_PRODUCT, TOTAL_STORE
from connectors.feeds.table import quoted
from connectors.feeds.workbooks import UNCOMPUTED

_UNCOMPUTED: Final = quoted(UNCOMPUTED)
_ERROR_CELLS: Final = (
    "('#N/A', '#REF!', '#VALUE!', '#DIV/0!', '#NAME?', '#NUM!', '#NULL!', '#SPILL!', '#CALC!', '#FIELD!', "
    "'#GETTING_DATA', '#BLOCKED!', '#CONNECT!', '#UNKNOWN!')"
)


class _AddFault(Protocol):
    def __call__(self, code: str, condition: str, column: str, value: str = ..., *expected: str) -> None: ...


@dataclass(frozen=True)
class Fault:
    """`condition`, `value` and `reason` are SQL."""

    code: str
    condition: str
    column: str
    value: str
    reason: str


def possible_faults(
    layout: Layout,
    foreign: AbstractSet[str],
    until: date | None = None,
    subtotals: AbstractSet[str] = frozenset(),
) -> list[Fault]:
    """Every fault that a well-formed row of this layout can have, as a condition on the typed columns.

    `until` is the last day on which a period may begin; `subtotals` are the texts that, where a product's
    code should stand, name the sum of other rows.
    """
    profile, positions = layout.profile, layout.positions
    number = number_example(profile)
    faults: list[Fault] = []

    def add(
        code: str, condition: str, column: str, value: str = "cast(null as varchar)", *expected: str
    ) -> None:
        reasons = [quoted(explain(code, column, text)) for text in expected or ("",)]
        faults.append(Fault(code, condition, column, value, by_file(reasons)))

    is_workbook = isinstance(profile.container, Excel)

    def no_error(text: str) -> str:
        return f" and not ({_is_error(text)})" if is_workbook else ""

    for name in SENDER if foreign else ():
        if name in positions:
            numbers = ", ".join(quoted(number) for number in sorted(foreign))
            condition = f"regexp_replace(t_{name}, '[ .]', '', 'g') in ({numbers})"
            add("other_partner", condition, layout.title(name), f"t_{name}", profile.partner)
    named = [name for name in PRODUCT if name in positions]
    no_product = " and ".join(f"t_{name} is null" for name in named)
    add("missing_product", no_product, ", ".join(layout.title(name) for name in named))
    for name in (*PRODUCT, "store_code", "store_name"):
        if name in positions and name != "gtin":
            add("total_row", _adds_up(name, subtotals), layout.title(name), f"t_{name}")
    if "gtin" in positions:
        others = "".join(f" and t_{name} is null" for name in named if name != "gtin")
        add("invalid_gtin", f"t_gtin is not null and gtin is null{others}", layout.title("gtin"), "t_gtin")

    metrics = [(name, layout.title(name), f"t_{name}", f"n_{name}") for name in METRICS if name in positions]
    metrics += [
        (column.metric, column.title, f"wt_{column.position}", f"w_{column.position}")
        for column in layout.wide
    ]
    quantities = [(title, text) for name, title, text, _ in metrics if name in QUANTITIES]
    if not profile.empty_is_zero:
        add(
            "missing_quantity",
            " and ".join(f"{text} is null" for _, text in quantities),
            ", ".join(title for title, _ in quantities[:6]) + (", …" if len(quantities) > 6 else ""),
        )
    for name, title, text, value in metrics:
        add(
            "unparseable_number",
            f"{text} is not null and {value} is null{no_error(text)}",
            title,
            text,
            number,
        )
        allowed = {
            "sold_quantity": profile.sold_is_net or profile.negative_sold_is_return,
            "returned_quantity": profile.returns_are_negative,
            "in_transit_quantity": False,
        }.get(name, True)
        if not allowed:
            keys = {
                "sold_quantity": "negative_sold_is_return, sold_is_net",
                "returned_quantity": "returns_are_negative",
            }
            signed = " and not is_return" if name in keys and profile.return_rows else ""
            add("negative_quantity", f"{value} < 0{signed}", title, text, keys.get(name, "it must not be"))

    _add_date_faults(layout, until, add, no_error)
    if "currency_code" in positions:
        add("unknown_currency", "currency_code is null", layout.title("currency_code"), "t_currency_code")
    if is_workbook:
        names = (*TEXTS, "gtin", "unit_code", "currency_code", "customer", *BUSINESS_COLUMNS, "sale_date")
        cells = {f"t_{name}": layout.title(name) for name in names if name in positions}
        cells |= {text: title for _, title, text, _ in metrics}
        if layout.period_position is not None:
            cells.setdefault("t_period", layout.table.titles[layout.period_position])
        if "sale_date" in positions and positions["sale_date"] == layout.period_position:
            del cells["t_sale_date"]
        for text, title in cells.items():
            add("error_cell", f"starts_with({text}, '#') and {text} in {_ERROR_CELLS}", title, text)
            add("uncomputed_cell", f"{text} = {_UNCOMPUTED}", title, text)
    if "unit_code" in positions:
        known = ", ".join(repr(name) for name in profile.units)
        add("unknown_unit", "unit_code is null", layout.title("unit_code"), "t_unit_code", known)
    return faults


def _is_error(text: str) -> str:
    """SQL: whether a cell shows an error of a spreadsheet, or a formula without its result."""
    return f"starts_with({text}, '#') and ({text} = {_UNCOMPUTED} or {text} in {_ERROR_CELLS})"


def _adds_up(name: str, subtotals: AbstractSet[str]) -> str:
    """SQL: whether the row adds up others, by what stands where a product or store should.

    A GTIN says that it is a product all the same; stores may well be called `Total Access`.
    """
    text, pattern = f"t_{name}", TOTAL_STORE if name.startswith("store") else TOTAL_PRODUCT
    # Nearly all codes are spared the pattern by a comparison of their first letter.
    letters = [(letter, chr(ord(letter) + 1)) for letter in TOTAL_LETTERS]
    begins = " or ".join(f"({text} >= '{first}' and {text} < '{after}')" for first, after in letters)
    known = "" if name.startswith("store") else " and gtin is null"
    found = f"case when {begins} then regexp_full_match({text}, {quoted(pattern)}){known} else false end"
    if subtotals and not name.startswith("store"):
        found = f"({found} or {text} in ({', '.join(map(quoted, sorted(subtotals)))}){known})"
    return found


def _add_date_faults(
    layout: Layout, until: date | None, add: _AddFault, no_error: Callable[[str], str]
) -> None:
    profile, period = layout.profile, layout.profile.period
    if layout.period_position is not None:
        title = layout.table.titles[layout.period_position]
        add("missing_period", "t_period is null", title)
        add(
            "unparseable_period",
            f"t_period is not null and period_start_date is null{no_error('t_period')}",
            title,
            "t_period",
            period_example(period),
        )
        if until is not None:
            add("future_period", f"period_start_date > date '{until}'", title, "t_period")
    if "sale_date" not in layout.positions:
        return
    title = layout.title("sale_date")
    if layout.positions["sale_date"] != layout.period_position:
        add("missing_date", "t_sale_date is null", title)
    add(
        "unparseable_date",
        f"t_sale_date is not null and sale_date is null{no_error('t_sale_date')}",
        title,
        "t_sale_date",
        date_example(profile.date_format),
    )
    if layout.spans:
        first = by_file([f"date '{span.start}'" for span in layout.spans])
        last = by_file([f"date '{span.end}'" for span in layout.spans])
        add(
            "outside_period",
            f"sale_date not between {first} and {last}",
            title,
            "t_sale_date",
            *(f"{span.start} to {span.end}" for span in layout.spans),
        )
    elif layout.period_position is not None:
        last = "period_last_date"
        if not layout.reads_period_texts:
            last = f"period_start_date + interval 1 {period.frequency} - interval 1 day"
        add(
            "outside_period",
            f"sale_date < period_start_date or sale_date > {last}",
            title,
            "t_sale_date",
            f"the {in_words(period.frequency)} in {layout.table.titles[layout.period_position]!r}",
        )
