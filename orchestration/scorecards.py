"""A partner's scorecard as published: for the one who visits it, and as a workbook for the partner itself.

The partner's own workbook holds nothing but its own figures and medians over at least `LEAST_PEERS`
partners, without the themes that the rules do not share (the margin, unless they say otherwise), without rank
and without the total that these are part of. What belongs here: reading the mart, and what stands where. What
does not: scores (the models), formats (`orchestration.workbook`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Final

import duckdb

from connectors.errors import AvalError
from orchestration.workbook import COLON, Cell, Column, Formula, Locale, Workbook, letter, workbook

LEAST_PEERS: Final = 5
"""Partners that a median needs before a partner may see it, whatever the rules say for the company."""
OF_ALL_PARTNERS: Final = ("revenue_to_median_rate",)
"""Measures that are held against a median of all partners: of few ones they would tell another's figure."""
MONTHS_SHOWN: Final = 13
_FIRST_ROW: Final = 4

REASONS: Final[dict[str, tuple[str, str]]] = {
    "not_reported": ("non communiqué", "not reported"),
    "stock_not_reported": ("stock non communiqué", "stock not reported"),
    "not_expected": ("aucun rapport attendu", "no report expected"),
    "not_due": ("aucun rapport dû", "no report due"),
    "not_connected": ("source non connectée", "source not connected"),
    "no_answers": ("aucune réponse", "no answers"),
    "nothing_announced": ("rien d'annoncé", "nothing announced"),
    "order_or_amount_unknown": ("commande ou montant inconnu", "order or amount unknown"),
    "nothing_bought": ("rien d'acheté", "nothing bought"),
    "new_partner": ("nouveau partenaire", "new partner"),
    "history_too_short": ("historique trop court", "history too short"),
    "no_target": ("pas d'objectif", "no target"),
    "no_base": ("base nulle ou négative", "zero or negative base"),
    "cost_unknown": ("coût inconnu", "cost unknown"),
    "rate_missing": ("cours de change manquant", "exchange rate missing"),
    "payments_not_connected": ("règlements non connectés", "payments not connected"),
}


@dataclass(frozen=True)
class Theme:
    """A theme of a partner's month. Figures are shares, scores 0 to 100; None is not known."""

    name: str
    measure: str
    is_shared: bool
    figure: Decimal | None
    score: Decimal | None
    former_score: Decimal | None
    weight: Decimal
    change: Decimal | None
    benchmark: Decimal | None
    target: Decimal | None
    median_figure: Decimal | None
    median_score: Decimal | None
    peer_count: int
    coverage: Decimal | None
    reason: str | None

    def reason_in(self, locale: Locale) -> str:
        """Why there is no figure, in words; empty where there is one."""
        if self.reason is None:
            return ""
        return REASONS[self.reason][0 if locale == "fr" else 1]


@dataclass(frozen=True)
class Scorecard:
    """A partner's month: its themes, and the total as the company sees it."""

    partner_code: str
    partner_name: str
    month: date
    segment: str | None
    themes: tuple[Theme, ...]
    total: Decimal | None
    total_change: Decimal | None
    total_median: Decimal | None
    covered: Decimal
    rank: int | None
    ranked_count: int
    partner_count: int
    trend: str | None
    publication: str

    def shared(self) -> list[Theme]:
        """What the partner may see."""
        return [
            theme
            for theme in self.themes
            if theme.is_shared and (theme.measure not in OF_ALL_PARTNERS or self.partner_count >= LEAST_PEERS)
        ]


def read_scorecard(published: Path, partner: str, month: date | None, locale: Locale) -> Scorecard:
    """The scorecard of a month, or of the newest one; AvalError if the partner has none."""
    with duckdb.connect(str(published), read_only=True) as connection:
        if month is None:
            (month,) = _one(
                connection,
                "select max(month_start_date) from marts.mart_partner_scorecard_monthly "
                "where partner_code = $partner",
                {"partner": partner},
            )
        rows = _rows(
            connection,
            f"""
            select scores.*, former.score_value as former_score_value, themes.is_shared,
                scores.theme_name_{locale} as theme_name, scores.segment_name_{locale} as segment_name,
                coalesce(partners.partner_name, scores.partner_code) as partner_name,
                (
                    select count(distinct others.partner_code)
                    from marts.mart_partner_scorecard_monthly as others
                    where others.month_start_date = scores.month_start_date
                ) as partner_count,
                (select publication_id from marts.publication) as publication_id
            from marts.mart_partner_scorecard_monthly as scores
            inner join core.dim_scorecard_themes as themes
                on scores.theme_code = themes.theme_code
                and scores.month_start_date >= themes.valid_from_date
                and scores.month_start_date < themes.valid_to_date
            left join marts.mart_partner_scorecard_monthly as former
                on scores.partner_code = former.partner_code
                and scores.theme_code = former.theme_code
                and scores.month_start_date = former.month_start_date + interval 1 month
            left join core.dim_partners as partners
                on scores.partner_code = partners.partner_code and partners.is_current
            where scores.partner_code = $partner and scores.month_start_date = $month
                and themes.theme_weight > 0
            order by scores.theme_number
            """,
            {"partner": partner, "month": month},
        )
    if not rows or month is None:
        raise AvalError(
            "unknown_figure",
            f"partner {partner} has no scorecard{'' if month is None else f' of {month:%Y-%m}'}",
            "choose a partner that bought within twelve months, and a whole month that is published",
        )
    first = rows[0]
    return Scorecard(
        partner_code=partner,
        partner_name=first["partner_name"],
        month=month,
        segment=first["segment_name"],
        themes=tuple(_theme(row) for row in rows),
        total=first["total_score"],
        total_change=first["total_change"],
        total_median=first["segment_median_total_score"],
        covered=first["covered_weight_rate"],
        rank=first["total_rank"],
        ranked_count=first["ranked_partner_count"],
        partner_count=first["partner_count"],
        trend=first["trend_code"],
        publication=first["publication_id"],
    )


def _theme(row: dict[str, Any]) -> Theme:
    return Theme(
        name=row["theme_name"],
        measure=row["measure_code"],
        is_shared=row["is_shared"],
        figure=row["figure_value"],
        score=row["score_value"],
        former_score=row["former_score_value"],
        weight=row["weight_rate"],
        change=row["change_points"],
        benchmark=row["benchmark_value"],
        target=row["target_value"],
        median_figure=row["segment_median_value"],
        median_score=row["segment_median_score"],
        peer_count=row["segment_scored_partner_count"],
        coverage=row["coverage_rate"],
        reason=row["reason_code"],
    )


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    result = connection.execute(query, parameters)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _one(connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(query, parameters).fetchall()[0]
    return row


# --- the partner's own ---


def write_shared(published: Path, card: Scorecard, sender: str, locale: Locale, path: Path) -> None:
    """Write the partner's workbook: its scorecard, its own months, its own products."""
    with duckdb.connect(str(published), read_only=True) as connection:
        parameters = {"partner": card.partner_code, "month": card.month}
        months = connection.execute(
            f"""
            select month_start_date, sum(sell_in_quantity), sum(sell_out_quantity),
                100 * sum(sell_out_quantity) / nullif(sum(sell_in_quantity), 0), sum(closing_stock_quantity)
            from marts.mart_channel_balance_monthly
            where partner_code = $partner and month_start_date <= $month
                and month_start_date > $month - interval {MONTHS_SHOWN} month
            group by all order by 1
            """,
            parameters,
        ).fetchall()
        products = connection.execute(
            """
            select balances.product_code, any_value(products.product_name),
                sum(balances.sell_in_quantity), sum(balances.sell_out_quantity),
                max_by(balances.closing_stock_quantity, balances.month_start_date)
            from marts.mart_channel_balance_monthly as balances
            left join core.dim_products as products on balances.product_code = products.product_code
            where balances.partner_code = $partner and balances.month_start_date <= $month
                and balances.month_start_date > $month - interval 3 month
            group by balances.product_code
            having sum(abs(balances.sell_in_quantity)) > 0 or sum(balances.sell_out_quantity) <> 0
            order by sum(balances.sell_out_quantity) desc nulls last, balances.product_code
            """,
            parameters,
        ).fetchall()
    fr = locale == "fr"
    month = f"{card.month:%m/%Y}" if fr else f"{card.month:%Y-%m}"
    colon = COLON[locale]
    with workbook(path, locale, f"{sender}  {card.partner_code}  {month}  {card.publication}") as book:
        _write_themes(book, card, locale, month, sender)
        _write_table(
            book,
            "Par mois" if fr else "By month",
            f"{card.partner_name}{colon} {'vos ventes par mois' if fr else 'your sales by month'}",
            "Une case vide : non communiqué." if fr else "An empty cell: not reported.",
            (
                Column("Mois" if fr else "Month", "month"),
                Column("Achats (unités)" if fr else "Bought (units)", "quantity", 16),
                Column("Ventes (unités)" if fr else "Sold on (units)", "quantity", 16),
                Column("Ventes / achats (%)" if fr else "Sold on / bought (%)", "amount", 16),
                Column("Stock en fin de mois" if fr else "Stock at month's end", "quantity", 16),
            ),
            months,
        )
        _write_table(
            book,
            "Par article" if fr else "By product",
            f"{card.partner_name}{colon} {'vos ventes par article' if fr else 'your sales by product'}",
            f"{'Trois mois jusqu’à' if fr else 'Three months up to'} {month}",
            (
                Column("Article" if fr else "Product", "text", 14),
                Column("Désignation" if fr else "Name", "text", 38),
                Column("Achats (unités)" if fr else "Bought (units)", "quantity", 16),
                Column("Ventes (unités)" if fr else "Sold on (units)", "quantity", 16),
                Column("Stock en fin de mois" if fr else "Stock at month's end", "quantity", 16),
            ),
            products,
        )


def _write_table(
    book: Workbook,
    name: str,
    title: str,
    subtitle: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
) -> None:
    sheet = book.sheet(name, title, subtitle)
    book.head(sheet, _FIRST_ROW - 1, columns)
    book.rows(sheet, _FIRST_ROW, columns, rows)


def _write_themes(book: Workbook, card: Scorecard, locale: Locale, month: str, sender: str) -> None:
    fr = locale == "fr"
    columns = (
        Column("Thème" if fr else "Theme", "text", 28),
        Column("Valeur" if fr else "Figure", "percent", 11),
        Column("Repère" if fr else "Benchmark", "percent", 11),
        Column("Objectif" if fr else "Target", "percent", 11),
        Column(
            "Médiane des partenaires comparables" if fr else "Median of comparable partners", "percent", 16
        ),
        Column("Note sur 100" if fr else "Score of 100", "amount", 10),
        Column("Note du mois précédent" if fr else "Score of the month before", "amount", 12),
        Column("Note médiane" if fr else "Median score", "amount", 10),
        Column("Poids retenu" if fr else "Weight counted", "percent", 10),
        Column("Remarque" if fr else "Remark", "text", 34),
    )
    shared = card.shared()
    counted = sum((theme.weight for theme in shared if theme.score is not None), Decimal(0))
    rows = [
        (
            theme.name,
            theme.figure,
            theme.benchmark,
            theme.target,
            theme.median_figure if theme.peer_count >= LEAST_PEERS else None,
            theme.score,
            theme.former_score,
            theme.median_score if theme.peer_count >= LEAST_PEERS else None,
            theme.weight / counted if theme.score is not None else None,
            _remark(theme, locale),
        )
        for theme in shared
    ]
    sheet = book.sheet(
        "Fiche" if fr else "Scorecard",
        f"{card.partner_name}{COLON[locale]} {'fiche de performance' if fr else 'scorecard'} {month}",
        f"{sender}. "
        + (
            "Notes de 0 à 100 ; le poids des thèmes sans valeur est réparti sur les autres. Médianes de cinq "
            "partenaires au moins."
            if fr
            else "Scores from 0 to 100; the weight of themes without a figure falls to the others. Medians "
            "of five partners at least."
        ),
    )
    book.head(sheet, _FIRST_ROW - 1, columns)
    after = book.rows(sheet, _FIRST_ROW, columns, rows)
    total = shared_total(shared)
    if total is None:
        return
    scores, weights = (f"{letter(column)}{_FIRST_ROW + 1}:{letter(column)}{after}" for column in (5, 8))
    book.write(sheet, after, 0, "Total des thèmes" if fr else "Total of the themes", "text", "total")
    formula = Formula(f"=SUMPRODUCT({scores},{weights})", float(total))
    book.write(sheet, after, 5, formula, "amount", "total")


def shared_total(themes: Sequence[Theme]) -> Decimal | None:
    """The weighted mean of the scores of these themes; None without any."""
    scored = [(theme.score, theme.weight) for theme in themes if theme.score is not None]
    weights = sum((weight for _, weight in scored), Decimal(0))
    return sum((value * weight for value, weight in scored), Decimal(0)) / weights if weights else None


def _remark(theme: Theme, locale: Locale) -> str:
    if theme.reason is not None:
        return theme.reason_in(locale)
    if theme.coverage is not None and theme.coverage < 100:
        # Rounded down: what is not whole is never said to be 100 %.
        covered = f"{theme.coverage.quantize(Decimal(1), ROUND_DOWN)} %"
        return f"couverture des rapports {covered}" if locale == "fr" else f"reports cover {covered}"
    return ""
