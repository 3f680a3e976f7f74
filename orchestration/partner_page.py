"""One partner as a page: the row of `mart_partner_360` in sections, its open alerts and its open conflicts.

What belongs here: which columns stand in which section, and how a value is written for people. What does not:
figures (the mart), the command (`orchestration.cli_partner`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
from babel.numbers import get_currency_precision

from connectors.errors import AvalError
from orchestration.alerts import Alert, published_alerts
from orchestration.declared import models
from orchestration.publish import published_file, require_mart
from orchestration.workbook import Cell, Column, Kind, Locale, kind_of, workbook

MART: Final = "mart_partner_360"

SECTIONS: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ("Partenaire", "Partner"): ("channel_code", "is_active", "segment_code", "segments_{locale}"),
    ("Conditions", "Terms"): (
        "price_list_code",
        "contract_discount_rate",
        "payment_term_days",
        "transit_days",
        "terms_since_date",
    ),
    ("Territoire", "Territory"): ("home_territory_code", "exclusive_territories", "open_territories"),
    ("Commandes", "Orders"): (
        "last_order_date",
        "days_since_last_order",
        "order_12_months_count",
        "mean_days_between_orders",
        "next_order_expected_date",
        "open_order_amount",
    ),
    ("Ventes et stock", "Sales and stock"): (
        "balance_month_date",
        "rolling_sell_in_quantity",
        "rolling_sell_out_quantity",
        "rolling_sell_out_sell_in_rate",
        "coverage_rate",
        "sell_through_b_rate",
        "stock_date",
        "on_hand_quantity",
        "weeks_of_supply",
        "shortage_product_count",
        "overstock_product_count",
    ),
    ("Rentabilité", "Profitability"): (
        "sales_12_months_amount",
        "profit_12_months_amount",
        "profit_12_months_rate",
        "profit_rank",
        "abc_code",
        "programme_cost_12_months_amount",
        "contribution_12_months_amount",
        "roi_12_months_rate",
    ),
    ("Encours", "Receivables"): ("receivable_amount", "overdue_amount", "days_sales_outstanding"),
    ("Remises de fin d'année", "Rebates"): (
        "rebate_reached_amount",
        "rebate_expected_amount",
        "next_tier_programme_{locale}",
        "next_tier_value",
        "next_tier_distance",
        "is_next_tier_included",
        "next_tier_measure_code",
        "next_tier_until_date",
    ),
    ("Rapports", "Reports"): ("compliance_rate", "last_reported_date", "missing_report_count"),
    ("Affaires et prospects", "Pipeline and leads"): (
        "open_opportunity_count",
        "open_opportunity_amount",
        "late_opportunity_count",
        "next_opportunity_date",
        "announced_12_months_amount",
        "bought_12_months_amount",
        "forecast_reliability_rate",
        "forecast_bias_rate",
        "protected_deal_count",
        "protected_deal_amount",
        "lead_12_months_count",
        "won_lead_12_months_count",
    ),
    ("Clients et formation", "Customers and training"): (
        "rolling_net_promoter_score",
        "rolling_answer_count",
        "open_ticket_count",
        "is_certified",
        "certified_to_date",
    ),
    ("À régler", "To be settled"): ("open_alert_count", "alert_at_stake_amount", "open_conflict_count"),
}
"""What stands on the page, by the section's French and English title."""

WORDS: Final[Mapping[str, Mapping[Locale, str]]] = {
    "unknown": {"fr": "non connu", "en": "not known"},
    "none": {"fr": "aucun", "en": "none"},
    "all_families": {"fr": "toutes les familles", "en": "all families"},
    "beginning": {"fr": "début", "en": "the beginning"},
    "yes": {"fr": "oui", "en": "yes"},
    "no": {"fr": "non", "en": "no"},
    "section": {"fr": "Rubrique", "en": "Section"},
    "figure": {"fr": "Donnée", "en": "Figure"},
    "value": {"fr": "Valeur", "en": "Value"},
    "alerts": {"fr": "Alertes ouvertes", "en": "Open alerts"},
    "conflicts": {"fr": "Conflits ouverts", "en": "Open conflicts"},
    "as_of": {"fr": "à la date du", "en": "as of"},
    "units": {"fr": "unités", "en": "units"},
    "amount": {"fr": "montant", "en": "amount"},
    "months": {"fr": "mois", "en": "months"},
    "amounts_in": {"fr": "montants en", "en": "amounts in"},
}

NULL_WORDS: Final[Mapping[str, str]] = {
    "terms_since_date": "beginning",
    "exclusive_territories": "none",
    "open_territories": "none",
    "next_opportunity_date": "none",
    "next_tier_programme_fr": "none",
    "next_tier_programme_en": "none",
    "next_tier_value": "none",
    "next_tier_distance": "none",
    "is_next_tier_included": "none",
    "next_tier_measure_code": "none",
    "next_tier_until_date": "none",
}
"""Columns whose NULL says something that is known."""

OF_A_TIER: Final = ("next_tier_value", "next_tier_distance")
"""Columns in what the rebate's tiers are measured in: money, pieces or months."""

COUNTED_BY: Final[Mapping[str, str]] = {
    "exclusive_territories": "territory_count",
    "open_territories": "territory_count",
    "next_opportunity_date": "open_opportunity_count",
}
"""Of these, what is NULL itself where nothing is known: the ERP does not deliver it."""


@dataclass(frozen=True)
class Conflict:
    """An open conflict of the partner with another one; `stake` is None where nothing tells."""

    kind: str
    other_partner: str
    territory: str | None
    family: str
    stake: Decimal | None


@dataclass(frozen=True)
class Page:
    """What is known of one partner. `values` is the mart's row by column."""

    code: str
    name: str
    as_of: date
    currency: str
    locale: Locale
    values: Mapping[str, Cell]
    alerts: Sequence[Alert]
    conflicts: Sequence[Conflict]

    def word(self, name: str) -> str:
        return WORDS[name][self.locale]

    def sections(self) -> list[tuple[str, list[str]]]:
        """Titles and columns in the page's language."""
        spoken = 0 if self.locale == "fr" else 1
        return [
            (titles[spoken], [column.format(locale=self.locale) for column in columns])
            for titles, columns in SECTIONS.items()
        ]

    def heading(self, column: str) -> str:
        return models()[MART].heading(column, self.locale)

    def kind(self, column: str) -> Kind:
        if column.endswith("_month_date"):
            return "month"
        if column in OF_A_TIER:
            return (
                "amount" if self.values.get("next_tier_measure_code") == self.word("amount") else "quantity"
            )
        return kind_of(column, models()[MART].types.get(column, ""))

    def said(self, column: str) -> str:
        """The value as people write it; unknown is said, never left empty or 0."""
        value, kind = self.values[column], self.kind(column)
        if value is None:
            if column in COUNTED_BY and self.values.get(COUNTED_BY[column]) is None:
                return self.word("unknown")
            return self.word(NULL_WORDS.get(column, "unknown"))
        units = {"amount": f" {self.currency}", "percent": " %"}
        if column in OF_A_TIER:
            units["quantity"] = f" {self.values['next_tier_measure_code']}"
        elif not column.endswith(("_amount", "_rate")):
            units = {}
        currency = self.currency if column.endswith("_amount") else None
        return written(value, kind, self.locale, currency) + units.get(kind, "")


def written(value: Any, kind: Kind, locale: Locale, currency: str | None = None) -> str:
    """A value in a language's own writing: 1 234,56 and 30/06/2026, or 1,234.56 and 2026-06-30.

    An amount of a currency has the decimals of that currency.
    """
    if isinstance(value, bool):
        return WORDS["yes" if value else "no"][locale]
    if isinstance(value, date):
        french, english = ("%m/%Y", "%Y-%m") if kind == "month" else ("%d/%m/%Y", "%Y-%m-%d")
        return f"{value:{french if locale == 'fr' else english}}"
    if isinstance(value, Decimal | int):
        of_amount = get_currency_precision(currency) if currency else 2
        places = {"amount": of_amount, "percent": 1, "quantity": 0 if value == int(value) else 3}.get(kind, 0)
        text = f"{value:z,.{places}f}"
        return text.replace(",", "\u202f").replace(".", ",") if locale == "fr" else text
    return str(value)


def require_partner(published: Path, partner: str) -> None:
    """AvalError if the current publication knows no such partner: a mistyped code is not one without news."""
    with duckdb.connect(str(published_file(published)), read_only=True) as connection:
        require_mart(connection, MART)
        found = connection.execute(f"select 1 from marts.{MART} where partner_code = ?", [partner]).fetchone()
        if found is None:
            raise _unknown(connection, partner)


def _unknown(connection: duckdb.DuckDBPyConnection, partner: str) -> AvalError:
    known = connection.execute(
        f"select partner_code from marts.{MART} order by partner_code limit 8"
    ).fetchall()
    return AvalError(
        "unknown_partner",
        f"there is no partner {partner!r}",
        f"codes are those of the ERP, such as {', '.join(code for (code,) in known)}",
    )


def partner_page(published: Path, partner: str, locale: Locale, version: str | None = None) -> Page:
    """The page of a partner from the current publication, or from a `version`; AvalError if there is none, or
    no such partner.
    """
    with duckdb.connect(str(published_file(published, version)), read_only=True) as connection:
        require_mart(connection, MART)
        found = connection.execute(f"select * from marts.{MART} where partner_code = ?", [partner])
        columns = [column[0] for column in found.description or ()]
        row = found.fetchone()
        if row is None:
            raise _unknown(connection, partner)
        values = dict(zip(columns, row, strict=True))
        channel = connection.execute(
            f"select channel_name_{locale} from core.dim_channels where channel_code = ?",
            [values["channel_code"]],
        ).fetchone()
        if channel is not None:
            values["channel_code"] = channel[0]
        measure = values["next_tier_measure_code"]
        if measure is not None:
            values["next_tier_measure_code"] = WORDS[measure][locale]
        conflicts = [
            Conflict(*item)
            for item in connection.execute(
                f"select kind_name_{locale}, case when partner_code = ? then other_partner_code "
                "else partner_code end, territory_name, "
                "case when family_code = '*' then ? else family_code end, at_stake_amount "
                "from marts.mart_territory_conflicts where status_code = 'open' "
                "and ? in (partner_code, other_partner_code) order by conflict_code",
                [partner, WORDS["all_families"][locale], partner],
            ).fetchall()
        ]
    return Page(
        partner,
        values["partner_name"],
        values["as_of_date"],
        values["currency_code"],
        locale,
        values,
        published_alerts(published, partner=partner, version=version),
        conflicts,
    )


def write_page(page: Page, path: Path) -> None:
    """The page as a workbook of one sheet, with real numbers and dates."""
    columns = [
        Column(page.word("section"), "text", 22),
        Column(page.word("figure"), "text", 34),
        Column(page.word("value"), "text", 44),
    ]
    said = (
        f"{page.word('as_of')} {written(page.as_of, 'date', page.locale)}, "
        f"{page.word('amounts_in')} {page.currency}"
    )
    with workbook(path, page.locale, f"{page.code} {page.name}") as book:
        sheet = book.sheet(page.code, f"{page.code} {page.name}", said)
        book.head(sheet, 3, columns)
        row = 4
        for title, names in page.sections():
            for name in names:
                value, kind = page.values[name], page.kind(name)
                shown: Cell = page.said(name) if value is None or isinstance(value, bool) else value
                # A rate stands in the marts in percent; a sheet's format of percent multiplies by 100.
                if kind == "percent" and isinstance(shown, Decimal):
                    shown = shown / 100
                book.write(sheet, row, 0, title, "text", "plain")
                book.write(sheet, row, 1, page.heading(name), "text", "plain")
                book.write(sheet, row, 2, shown, "text" if isinstance(shown, str) else kind, "left")
                row += 1
        for alert in page.alerts:
            book.write(sheet, row, 0, page.word("alerts"), "text", "plain")
            book.write(sheet, row, 1, alert.name(page.locale), "text", "plain")
            book.write(sheet, row, 2, alert.action(page.locale), "text", "plain")
            row += 1
        for conflict in page.conflicts:
            book.write(sheet, row, 0, page.word("conflicts"), "text", "plain")
            book.write(sheet, row, 1, conflict.kind, "text", "plain")
            book.write(sheet, row, 2, conflict.other_partner, "text", "plain")
            row += 1
