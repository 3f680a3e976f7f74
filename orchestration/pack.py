"""The finance pack: one workbook per month, from the published marts, with the publication's identity first.

Which sheets there are, the marts declare (`sheet` in their meta); a mart that is not there, or has no row of
the month, has no sheet. Sums, differences and ratios are formulas over the cells, and each column is held
against the mart. What belongs here: what stands where. What does not: formats (`orchestration.workbook`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Any, Final

import duckdb
from babel.numbers import get_currency_precision

from connectors.closing import Closing, closings
from connectors.ledger import Ledger
from orchestration.closing import Refused, feeds_in_words, missing_reports, one_month
from orchestration.declared import Model, Sheet, models
from orchestration.partner_page import written
from orchestration.publish import published_file
from orchestration.settings import Settings
from orchestration.workbook import (
    COLON,
    Cell,
    Column,
    Formula,
    Kind,
    Locale,
    Workbook,
    kind_of,
    letter,
    workbook,
)

_FIRST_ROW: Final = 4
"""Where the rows of a table begin on a sheet, from 0: after title, subtitle, a blank and the headings."""
_NAMES: Final = {
    "partner_code": ("dim_partners", "partner_name"),
    "product_code": ("dim_products", "product_name"),
}
_ZERO: Final = Decimal(0)
_TOTAL: Final = "Total"
_PAGE_WIDTH: Final = 220
"""Characters that stand side by side on a page across and can still be read."""


@dataclass(frozen=True)
class Check:
    """A column of a sheet against its mart: they must be equal to the last digit."""

    sheet: str
    column: str
    formula: str
    in_sheet: Decimal
    in_mart: Decimal

    @property
    def difference(self) -> Decimal:
        return self.in_sheet - self.in_mart


@dataclass(frozen=True)
class Pack:
    """What was written: its file, sheets with their rows, and what was held against the marts."""

    path: Path
    sheets: Mapping[str, int]
    checks: tuple[Check, ...]

    @property
    def agrees(self) -> bool:
        return all(not check.difference for check in self.checks)


@dataclass(frozen=True)
class _Table:
    """Rows of one sheet as they come from the mart, with the sums that the mart has."""

    model: Model
    sheet: Sheet
    rows: list[dict[str, Any]]
    totals: dict[str, Decimal]


def write_pack(settings: Settings, month: str, path: Path, version: str | None = None) -> Pack:
    """Write the month's workbook from the current publication, or from another one."""
    first, _ = one_month(month)
    published = published_file(settings.paths.published, version)
    with Ledger(settings.paths.ledger) as ledger:
        known = closings(settings.paths.landing, ledger)
    closing = next((item for item in known if item.month == first and item.is_closed), None)
    locale: Locale = settings.company.locale
    with duckdb.connect(str(published), read_only=True) as connection:
        identity = _rows(connection, "select * from marts.publication")[0]
        missing = feeds_in_words(missing_reports(connection, first))
        tables = [
            table
            for model in _with_sheets(locale)
            if (table := _read(connection, model, first, locale)) is not None
        ]
    if not tables:
        raise Refused("unknown_figure", f"no mart has a figure of {month}", "choose a month with documents")
    checks: list[Check] = []
    sheets: dict[str, int] = {}
    month = written(first, "month", locale)
    footer = f"{settings.company.company.name}  {month}  {identity['publication_id']}"
    with workbook(path, locale, footer, get_currency_precision(settings.company.currency)) as book:
        _write_identity(book, settings, month, identity, missing, closing, tables)
        for table in tables:
            title = table.model.title(locale)
            sheets[title] = len(table.rows)
            checks += _write_table(book, table, title, month, locale)
        _write_checks(book, checks, locale)
    return Pack(path, sheets, tuple(checks))


def _with_sheets(locale: Locale) -> list[Model]:
    """Models that declare a sheet, in their order, with the columns of the language where there are two."""
    found = [(model, model.sheet) for model in models().values() if model.sheet is not None]
    return [
        replace(
            model, sheet=sheet.model_copy(update={"rows": tuple(r.format(locale=locale) for r in sheet.rows)})
        )
        for model, sheet in sorted(found, key=lambda item: item[1].position)
    ]


def _read(connection: duckdb.DuckDBPyConnection, model: Model, month: date, locale: Locale) -> _Table | None:
    """The rows of a sheet; None where the mart is not there or has nothing of the month."""
    sheet = model.sheet
    schema = "marts" if model.name.startswith("mart_") else "core"
    types = dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ?",
            [schema, model.name],
        ).fetchall()
    )
    if sheet is None or not {*sheet.months, *sheet.rows, *sheet.columns} <= set(types):
        return None
    layout = _Layout.of(model, sheet)
    where = "(" + " or ".join(f"{column} = $month" for column in sheet.months) + ")"
    where += f" and ({sheet.where})" if sheet.where else ""
    single = [name for name in sheet.columns if name not in layout.summed]
    keys = [*sheet.rows, *single]
    joins, names = [], []
    for key, (dimension, name) in _NAMES.items():
        if key in sheet.rows and sheet.named:
            joins.append(
                f"left join (select {key}, any_value({name}) as {name} from core.{dimension} "
                f"{'where is_current ' if dimension == 'dim_partners' else ''}group by {key}) using ({key})"
            )
            names.append(f"any_value({name}) as {name}")
    summed = [name for name in layout.summed if name in types]
    # What the sheet computes from other columns is known where each row of the mart knows it. A 0 beside rows
    # that know nothing is that of a cost without a line, and no sum of theirs.
    sums = [
        f"case when count({name}) = count(*) then sum({name}) end as {name}"
        if name in sheet.formulas
        else f"case when count({name}) = count(*) or sum(abs({name})) > 0 then sum({name}) end as {name}"
        for name in summed
    ]
    rows = _rows(
        connection,
        f"with mart as (select * from {schema}.{model.name} where {where}) "
        f"select {', '.join([*keys, *names, *sums])} from mart {' '.join(joins)} "
        f"group by {', '.join(keys)} order by {', '.join(f'{key} nulls last' for key in keys)}",
        {"month": month},
    )
    if not rows:
        return None
    if {"mart_name", "measure_code"} <= set(sheet.rows):
        rows = [_in_words(row, locale) for row in rows]
    for column in sheet.rows:
        words = _channels(connection, locale) if column == "channel_code" else model.words(column, locale)
        rows = [{**row, column: words.get(row[column], row[column])} for row in rows]
    if not summed:
        return _Table(model, sheet, rows, {})
    totals = _rows(
        connection,
        f"with groups as (select {', '.join(sums)} from {schema}.{model.name} where {where} "
        f"group by {', '.join(keys)}) "
        f"select {', '.join(f'sum({name}) as {name}' for name in summed)} from groups",
        {"month": month},
    )
    return _Table(model, sheet, rows, {name: _number(value) for name, value in totals[0].items()})


def _channels(connection: duckdb.DuckDBPyConnection, locale: Locale) -> dict[str, str]:
    """The names of the channels, which are the company's own."""
    return dict(
        connection.execute(f"select channel_code, channel_name_{locale} from core.dim_channels").fetchall()
    )


def _in_words(row: Mapping[str, Any], locale: Locale) -> dict[str, Any]:
    """A row that names a mart and a column of it, with the names that people know them by."""
    model = models().get(row["mart_name"])
    if model is None:
        return dict(row)
    return {
        **row,
        "mart_name": model.title(locale),
        "measure_code": model.heading(row["measure_code"], locale),
    }


def _write_table(book: Workbook, table: _Table, title: str, month: str, locale: Locale) -> list[Check]:
    """One sheet: rows with formulas, a subtotal under each group, the total under all of them."""
    model, sheet = table.model, table.sheet
    layout = _Layout.of(model, sheet)
    columns = [
        Column(
            _heading(model, name, locale), layout.kinds[name], 26 if name.endswith(("_name", "_fr")) else None
        )
        for name in layout.order
    ]
    grid = book.sheet(title, f"{title} {month}", model.name)
    book.head(grid, _FIRST_ROW - 1, columns)
    row = first = _FIRST_ROW
    everything = layout.zero()
    knowledge: list[set[str]] = []
    for group, members in groupby(
        table.rows, key=lambda item: item[sheet.subtotal] if sheet.subtotal else None
    ):
        begin = row
        sums = layout.zero()
        of_group: list[set[str]] = []
        for item in members:
            cells, values, unknown = layout.line(item, row + 1)
            book.rows(grid, row, columns, [cells])
            row += 1
            of_group.append(values.keys() - unknown)
            for name in layout.summed:
                sums[name] += values[name]
                everything[name] += values[name]
        knowledge += of_group
        if sheet.subtotal is not None:
            cells = layout.sum_line(f"{_TOTAL} {group}", begin, row, sums, of_group)
            book.rows(grid, row, columns, [cells], "total")
            row += 1
    grid.autofilter(first - 1, 0, row - 1, len(columns) - 1)
    grid.freeze_panes(first, len(layout.labels))
    # A wide table takes several pages side by side, each with the labels: on one nobody could read it.
    width = sum(column.width or 14 for column in columns)
    grid.fit_to_pages(ceil(width / _PAGE_WIDTH), 0)
    grid.repeat_columns(0, len(layout.labels) - 1)
    checks = [
        Check(
            title,
            columns[layout.order.index(name)].heading,
            f"=SUBTOTAL(9,'{title[:31]}'!{layout.at[name]}{first + 1}:{layout.at[name]}{row})",
            everything[name],
            of_mart,
        )
        for name, of_mart in table.totals.items()
    ]
    if sheet.total:
        cells = layout.sum_line(_TOTAL, first, row, everything, knowledge)
        book.rows(grid, row, columns, [cells], "total")
    return checks


@dataclass(frozen=True)
class _Layout:
    """Which column stands where, and how a line of the sheet is made."""

    sheet: Sheet
    labels: tuple[str, ...]
    order: tuple[str, ...]
    kinds: Mapping[str, Kind]
    at: Mapping[str, str]
    summed: tuple[str, ...]

    @classmethod
    def of(cls, model: Model, sheet: Sheet) -> _Layout:
        labels: list[str] = []
        for key in sheet.rows:
            labels.append(key)
            if key in _NAMES and sheet.named:
                labels.append(_NAMES[key][1])
        ratios = {ratio.column: ratio for ratio in sheet.ratios}
        rest = sheet.order or (*sheet.columns, *sheet.formulas, *ratios)
        order = (*labels, *rest)
        kinds: dict[str, Kind] = {name: kind_of(name, model.types.get(name, "")) for name in order}
        kinds |= dict.fromkeys(ratios, "percent")
        summed = tuple(
            name
            for name in (*sheet.columns, *sheet.formulas)
            if kinds[name] in ("amount", "quantity", "count") and name not in sheet.unsummed
        )
        at = {name: letter(number) for number, name in enumerate(order)}
        return cls(sheet, tuple(labels), order, kinds, at, summed)

    def zero(self) -> dict[str, Decimal]:
        return dict.fromkeys(self.summed, _ZERO)

    def line(
        self, item: Mapping[str, Any], row: int
    ) -> tuple[list[Cell | Formula], dict[str, Decimal], set[str]]:
        """The cells of a row of the mart, the values of its numbers, and which of them it does not know.

        `row` is Excel's.
        """
        cells: dict[str, Cell | Formula] = {name: item[name] for name in (*self.labels, *self.sheet.columns)}
        values = {name: _number(item[name]) for name in self.sheet.columns if self.kinds[name] != "text"}
        unknown = {name for name in values if item[name] is None}
        for name, text in self.sheet.formulas.items():
            # Where the mart has no value the cell is empty; a part that is not connected takes nothing away.
            if name in item and item[name] is None:
                values[name] = _ZERO
                unknown.add(name)
                continue
            values[name] = sum((sign * values[part] for sign, part in _terms(text)), _ZERO)
            terms = "".join(f"{'-' if sign < 0 else '+'}{self.at[part]}{row}" for sign, part in _terms(text))
            cells[name] = Formula("=" + terms.lstrip("+"), float(values[name]))
        return self._finish(cells, values, row, unknown), values, unknown

    def sum_line(
        self, label: str, first: int, last: int, sums: Mapping[str, Decimal], knowledge: Sequence[Set[str]]
    ) -> list[Cell | Formula]:
        """A line of sums over the rows from `first` to before `last`, both from 0; it stands at `last`.

        109 leaves out other subtotals and what a filter hides: sums follow what the reader looks at.
        `knowledge` says which numbers each row knows. What none knows has no sum, what one does not no ratio.
        """
        cells: dict[str, Cell | Formula] = {self.order[0]: label}
        known_to_some = set[str]().union(*knowledge)
        for name in (name for name in self.summed if name in known_to_some):
            span = f"{self.at[name]}{first + 1}:{self.at[name]}{last}"
            cells[name] = Formula(f"=SUBTOTAL(109,{span})", float(sums[name]))
        known_to_all = set(sums).intersection(*knowledge)
        return self._finish(cells, sums, last + 1, sums.keys() - known_to_all)

    def _finish(
        self, cells: dict[str, Cell | Formula], values: Mapping[str, Decimal], row: int, unknown: Set[str]
    ) -> list[Cell | Formula]:
        for ratio in self.sheet.ratios:
            if ratio.numerator in unknown or ratio.denominator in unknown:
                continue
            above, below = self.at[ratio.numerator], self.at[ratio.denominator]
            divisor = values.get(ratio.denominator, _ZERO)
            cells[ratio.column] = Formula(
                f'=IF({below}{row}>0,{above}{row}/{below}{row},"")',
                float(values.get(ratio.numerator, _ZERO) / divisor) if divisor > 0 else "",
            )
        return [cells.get(name) for name in self.order]


def _terms(text: str) -> list[tuple[int, str]]:
    """Columns with their signs, of a sum such as `gross_amount - net_amount`."""
    return [(-1 if sign == "-" else 1, name) for sign, name in re.findall(r"([+-]?)\s*(\w+)", text)]


def _heading(model: Model, column: str, locale: Locale) -> str:
    for key, (dimension, name) in _NAMES.items():
        if column == name and key in (model.sheet.rows if model.sheet else ()):
            return models()[dimension].heading(name, locale)
    return model.heading(column, locale)


_WORDS: Final[dict[str, dict[Locale, str]]] = {
    "identity": {"fr": "Identité", "en": "Identity"},
    "title": {"fr": "Dossier de clôture", "en": "Finance pack"},
    "company": {"fr": "Société", "en": "Company"},
    "month": {"fr": "Mois", "en": "Month"},
    "state": {"fr": "État du mois", "en": "State of the month"},
    "open": {"fr": "ouvert", "en": "open"},
    "closed": {"fr": "clos", "en": "closed"},
    "currency": {"fr": "Devise", "en": "Currency"},
    "publication": {"fr": "Publication", "en": "Publication"},
    "run": {"fr": "Exécution", "en": "Run"},
    "published": {"fr": "Publié le (UTC)", "en": "Published at (UTC)"},
    "as_of": {"fr": "Chiffres arrêtés au", "en": "Figures as of"},
    "code": {"fr": "Version du code", "en": "Code version"},
    "gate": {"fr": "Contrôle", "en": "Gate"},
    "passed": {"fr": "passé", "en": "passed"},
    "failed": {"fr": "NON PASSÉ", "en": "NOT PASSED"},
    "warning": {"fr": "avertissement", "en": "warning"},
    "warnings": {"fr": "avertissements", "en": "warnings"},
    "checks": {"fr": "vérifications", "en": "checks"},
    "invoice": {"fr": "Dernière facture", "en": "Newest invoice"},
    "sell_out": {"fr": "Dernière vente déclarée", "en": "Newest reported sale"},
    "missing": {"fr": "Rapports de vente du mois non reçus", "en": "Sales reports of the month not received"},
    "reports": {
        "fr": "Rapports reçus / attendus, tous mois",
        "en": "Reports received / expected, all months",
    },
    "overdue": {"fr": "Rapports en retard, tous mois", "en": "Reports overdue, all months"},
    "remarks": {"fr": "Remarques à la clôture", "en": "Remarks at the close"},
    "sheets": {"fr": "Feuilles", "en": "Sheets"},
    "control": {"fr": "Contrôle", "en": "Control"},
    "sheet": {"fr": "Feuille", "en": "Sheet"},
    "column": {"fr": "Colonne", "en": "Column"},
    "in_sheet": {"fr": "Total de la feuille", "en": "Total of the sheet"},
    "in_mart": {"fr": "Chiffre publié", "en": "Published figure"},
    "difference": {"fr": "Écart", "en": "Difference"},
}


def _write_identity(
    book: Workbook,
    settings: Settings,
    month: str,
    identity: Mapping[str, Any],
    missing: str,
    closing: Closing | None,
    tables: Sequence[_Table],
) -> None:
    locale: Locale = settings.company.locale

    def word(name: str) -> str:
        return _WORDS[name][locale]

    sheet = book.sheet(word("identity"), f"{word('title')} {month}", settings.company.company.name)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 70)
    state = word("open")
    if closing is not None:
        closed = closing.closed
        day = written(closed.done_at, "date", locale)
        state = f"{word('closed')}{COLON[locale]} {closed.closing_code}, {day}, {closed.done_by}"
        if closed.publication_code != identity["publication_id"]:
            state += f" ({word('publication').lower()} {closed.publication_code})"
    overdue = ", ".join(json.loads(identity["reports_missing"]))
    lines: list[tuple[str, Cell, Kind]] = [
        (word("company"), settings.company.company.name, "text"),
        (word("month"), month, "text"),
        (word("state"), state, "text"),
        (word("currency"), settings.company.currency, "text"),
        (word("publication"), identity["publication_id"], "text"),
        (word("run"), identity["run_id"], "text"),
        (word("published"), identity["published_at"], "instant"),
        (word("as_of"), identity["as_of_date"], "date"),
        (word("code"), identity["code_version"], "text"),
    ]
    single = (0, 1) if locale == "fr" else (1,)
    for gate in json.loads(identity["gate_results"]):
        lines.append(
            (
                f"{word('gate')} {gate['gate']}",
                f"{word('passed' if gate['passed'] else 'failed')}, {gate['checks']} {word('checks')}, "
                f"{gate['warnings']} {word('warning' if gate['warnings'] in single else 'warnings')}",
                "text",
            )
        )
    lines += [
        (word("invoice"), identity["newest_invoice_date"], "date"),
        (word("sell_out"), identity["newest_sell_out_date"], "date"),
        (word("missing"), missing or "-", "text"),
        (word("reports"), f"{identity['reports_received']} / {identity['reports_expected']}", "text"),
        (word("overdue"), overdue or "-", "text"),
    ]
    if closing is not None and closing.closed.remarks:
        lines.append((word("remarks"), closing.closed.remarks, "text"))
    row = 3
    for name, value, kind in lines:
        book.write(sheet, row, 0, name, "text", "head")
        book.write(sheet, row, 1, value, kind, "left")
        row += 1
    row += 1
    book.write(sheet, row, 0, word("sheets"), "text", "head")
    for table in tables:
        title = table.model.title(locale)
        sheet.write_url(row, 1, f"internal:'{title[:31]}'!A1", book.format(), title)
        row += 1


def _write_checks(book: Workbook, checks: Sequence[Check], locale: Locale) -> None:
    """Each total, read from its sheet, against what the mart says: controllers look here first."""

    def word(name: str) -> str:
        return _WORDS[name][locale]

    columns = [
        Column(word("sheet"), "text", 30),
        Column(word("column"), "text", 34),
        Column(word("in_sheet"), "amount", 20),
        Column(word("in_mart"), "amount", 20),
        Column(word("difference"), "amount", 14),
    ]
    sheet = book.sheet(word("control"), word("control"))
    book.head(sheet, _FIRST_ROW - 1, columns)
    for number, check in enumerate(checks):
        row = _FIRST_ROW + number
        look = "wrong" if check.difference else "plain"
        cells: list[Cell | Formula] = [
            check.sheet,
            check.column,
            Formula(check.formula, float(check.in_sheet)),
            check.in_mart,
            Formula(f"=ROUND(C{row + 1}-D{row + 1},4)", float(check.difference)),
        ]
        book.rows(sheet, row, columns, [cells], look)


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    result = connection.execute(query, parameters) if parameters else connection.execute(query)
    names = [item[0] for item in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _number(value: object) -> Decimal:
    return _ZERO if value is None else Decimal(str(value))
