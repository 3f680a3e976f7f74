"""What the models' .yml files say for finance: what a close freezes, whence a figure comes, its sheet.

A mart joins by `config: meta:` in its own file: `finance` (key, grain and measures that a close freezes),
`trace` (the facts behind its measures), `sheet` (its place in the finance pack). What belongs here: reading
and checking these words, as the macros of `closing.sql` do for SQL. What does not: acting on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from connectors.errors import ConfigError, Place
from orchestration.settings import DBT_PROJECT

LateReason = Literal["late_document", "late_entry", "late_report"]


class Declared(BaseModel):
    """Base of what is declared: an unknown word is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Costed(Declared):
    """Measures that the cost of goods decides, for rows with these values: a corrected cost moves them. Costs
    of so many `months` do, the row's own the last.
    """

    measures: tuple[str, ...]
    rows: dict[str, str] = {}
    months: int = 1


class Finance(Declared):
    """What a close freezes: the mart's key, the columns of its grain beside the month, additive measures; and
    which of them are `costed`.
    """

    key: str
    grain: tuple[str, ...]
    measures: tuple[str, ...]
    costed: Costed | None = None

    @model_validator(mode="after")
    def _freezes_what_is_costed(self) -> Finance:
        strange = [name for name in self.costed.measures if name not in self.measures] if self.costed else []
        if strange:
            raise ValueError(f"costed {strange[0]!r} is no measure")
        return self


class TraceSource(Declared):
    """A fact behind some measures of a mart.

    `keys` maps a column of the mart's grain to an expression over the fact; `measures` a column of the mart
    to an aggregate over the fact. `rows` limits the source to rows of the mart with these values, `where` to
    rows of the fact. `day` is the fact's column of the day from which a row counts: the mart holds what is
    dated up to the as-of day. `late_reason` says what it is if such a row lands after a close; a smaller fact
    that holds their batches may be looked through for it (`late_fact`), and `late_batch` is the column of the
    batch that first brought the row. `document` is what people call the fact's rows by. `rule` names the
    columns that say by which rule and version an amount came about, `rule_file` the company's file of it.
    `line` is the line of the document. A fact that was computed names in `source_of` the fact whose rows it
    was computed from, and in `source_key` the column by which they meet.
    """

    fact: str
    keys: dict[str, str]
    document: str
    measures: dict[str, str]
    rows: dict[str, str] = {}
    where: str | None = None
    day: str | None = None
    late_reason: LateReason | None = None
    late_fact: str | None = None
    late_batch: str = "source_batch_id"
    rule: tuple[str, ...] = ()
    rule_file: str | None = None
    line: str | None = None
    source_of: str | None = None
    source_key: str = "invoice_line_id"


class Ratio(Declared):
    """A ratio of two columns of a sheet, shown in percent by a formula."""

    column: str
    numerator: str
    denominator: str


class Sheet(Declared):
    """A sheet of the finance pack: the model's rows of the month, summed by `rows`.

    `months` are the columns of which one must be the month; `columns` are summed unless they stand in
    `unsummed`; `formulas` maps a column to a sum of others (`gross_amount - net_amount`) that the sheet
    computes in its cells; `subtotal` is the column of `rows`, the first, whose groups have a sum; `total`
    whether there is one of all; `named` whether partners and products stand there with their names;
    `{locale}` in a column of `rows` is fr or en. `order` gives the columns after those of `rows`; `position`
    orders the sheets.
    """

    position: int
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    formulas: dict[str, str] = {}
    ratios: tuple[Ratio, ...] = ()
    order: tuple[str, ...] = ()
    unsummed: tuple[str, ...] = ()
    subtotal: str | None = None
    total: bool = True
    named: bool = True
    months: tuple[str, ...] = ("month_start_date",)
    where: str | None = None

    @model_validator(mode="after")
    def _names_its_columns(self) -> Sheet:
        known = {*self.columns, *self.formulas}
        strange = [
            name
            for ratio in self.ratios
            for name in (ratio.numerator, ratio.denominator)
            if name not in known
        ]
        strange += [name for name in self.unsummed if name not in self.columns]
        strange += [name for name in self.order if name not in known | {r.column for r in self.ratios}]
        if strange:
            raise ValueError(f"{strange[0]!r} is no column of the sheet")
        if self.subtotal is not None and self.subtotal != self.rows[0]:
            raise ValueError(f"subtotal {self.subtotal!r} is not the first of rows")
        return self


@dataclass(frozen=True)
class Model:
    """A model of core or marts and what it declares.

    `columns` are its columns' names in both languages, `values` those of the values of a column of codes.
    """

    name: str
    names: Mapping[str, str]
    columns: Mapping[str, Mapping[str, str]]
    values: Mapping[str, Mapping[str, Mapping[str, str]]]
    finance: Finance | None
    trace: tuple[TraceSource, ...]
    sheet: Sheet | None
    types: Mapping[str, str]

    def heading(self, column: str, locale: str) -> str:
        """The column's business name in a language."""
        return self.columns.get(column, {}).get(locale) or column

    def title(self, locale: str) -> str:
        return self.names.get(locale) or self.name

    def words(self, column: str, locale: str) -> Mapping[str, str]:
        """What people call the column's codes in a language; nothing for a column that declares none."""
        return {code: names[locale] for code, names in self.values.get(column, {}).items()}


@cache
def models() -> Mapping[str, Model]:
    """Every model of core and marts by name; ConfigError names the file and the word that is wrong."""
    found = {}
    for folder in ("core", "marts"):
        for path in sorted((DBT_PROJECT / "models" / folder).glob("*.yml")):
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe one
            for node in content.get("models", ()):
                try:
                    found[node["name"]] = _model(node)
                except ValidationError as error:
                    fault = error.errors()[0]
                    raise ConfigError(
                        "invalid_declaration",
                        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}",
                        "docs/closing.md says what may stand there",
                        Place(file=path),
                    ) from error
    return found


def finance_marts() -> dict[str, Model]:
    """The marts that a close freezes."""
    return {name: model for name, model in models().items() if model.finance is not None}


def _model(node: Mapping[str, Any]) -> Model:
    meta = node.get("config", {}).get("meta", {})
    columns = {column["name"]: column for column in node.get("columns", ())}
    metas = {name: column.get("config", {}).get("meta", {}) for name, column in columns.items()}
    return Model(
        name=node["name"],
        names=_names(meta),
        columns={name: _names(of_column) for name, of_column in metas.items()},
        values={name: of_column.get("value_names", {}) for name, of_column in metas.items()},
        finance=Finance.model_validate(meta["finance"]) if "finance" in meta else None,
        trace=tuple(TraceSource.model_validate(item) for item in meta.get("trace", ())),
        sheet=Sheet.model_validate(meta["sheet"]) if "sheet" in meta else None,
        types={name: str(column.get("data_type", "")) for name, column in columns.items()},
    )


def _names(meta: Mapping[str, Any]) -> dict[str, str]:
    return {locale: meta[f"name_{locale}"] for locale in ("fr", "en") if f"name_{locale}" in meta}


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
