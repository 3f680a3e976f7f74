"""A partner's scorecard: `aval scorecard`.

What belongs here: the command, and how a scorecard looks at a terminal. What does not: reading it and the
partner's workbook (`orchestration.scorecards`).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, table

if TYPE_CHECKING:
    from orchestration.scorecards import Scorecard
    from orchestration.workbook import Locale


COLUMNS: Final = ("theme", "figure", "score", "weight", "change", "benchmark", "target", "median", "remark")

WORDS: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "theme": "thème",
        "figure": "valeur",
        "score": "note",
        "weight": "poids",
        "change": "écart",
        "benchmark": "repère",
        "target": "objectif",
        "median": "médiane",
        "remark": "remarque",
        "none": "aucun",
        "rank": ", rang {rank} sur {of}",
        "up": ", en hausse",
        "down": ", en baisse",
        "steady": ", stable",
        "total": "total {total}{change}{rank}{trend} ; {covered} % des poids couverts",
        "segment": "segment {segment}, total médian {median}",
        "too_few": "inconnu : trop peu de partenaires",
    },
    "en": {
        **{name: name for name in COLUMNS},
        "none": "none",
        "rank": ", rank {rank} of {of}",
        "up": ", up",
        "down": ", down",
        "steady": ", steady",
        "total": "total {total}{change}{rank}{trend}; {covered} % of the weights covered",
        "segment": "segment {segment}, median total {median}",
        "too_few": "of too few partners",
    },
}


class Language(StrEnum):
    """A language that business people read."""

    fr = "fr"
    en = "en"


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("scorecard", epilog=EXIT_CODES)(scorecard)


@command
def scorecard(
    partner: Annotated[str, typer.Option("--partner", "-p", metavar="CODE", help="The partner.")],
    month: Annotated[
        str | None, typer.Option("--month", "-m", help="The month, as 2026-05.", show_default="the newest")
    ] = None,
    share: Annotated[
        Path | None,
        typer.Option(
            "--share",
            metavar="FILE.xlsx",
            help="Write the workbook for the partner itself: its own figures and anonymous medians only.",
        ),
    ] = None,
    language: Annotated[
        Language | None, typer.Option("--language", help="Of the scorecard.", show_default="the company's")
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Show a partner's scorecard of a month; --share writes the one that the partner may see."""
    from orchestration.closing import one_month
    from orchestration.publish import published_file
    from orchestration.scorecards import read_scorecard, write_shared
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    published = published_file(settings.paths.published)
    locale: Locale = settings.company.locale if language is None else language.value
    card = read_scorecard(published, partner, one_month(month)[0] if month else None, locale)
    if share is None:
        _show(card, locale)
        return
    write_shared(published, card, settings.company.company.name, locale, share)
    typer.echo(str(share))


def _show(card: Scorecard, locale: Locale) -> None:
    from orchestration.partner_page import written

    words, out = WORDS[locale], console()

    def share(value: Decimal | None) -> str:
        return "" if value is None else f"{written(100 * value, 'percent', locale)} %"

    def points(value: Decimal | None, *, signed: bool = False) -> str:
        text = _points(value, signed=signed)
        return text.replace(".", ",") if locale == "fr" else text

    shown = table(f"{card.partner_code} {card.partner_name}, {written(card.month, 'month', locale)}")
    for name in COLUMNS:
        shown.add_column(
            words[name], justify="left" if name in ("theme", "remark") else "right", overflow="fold"
        )
    for theme in card.themes:
        shown.add_row(
            theme.name,
            share(theme.figure),
            points(theme.score),
            f"{theme.weight:.0f} %",
            points(theme.change, signed=True),
            share(theme.benchmark),
            share(theme.target),
            share(theme.median_figure),
            theme.reason_in(locale),
        )
    out.print(shown)
    typer.echo(
        words["total"].format(
            total=points(card.total) or words["none"],
            change="" if card.total_change is None else f" ({points(card.total_change, signed=True)})",
            rank="" if card.rank is None else words["rank"].format(rank=card.rank, of=card.ranked_count),
            trend="" if card.trend is None else words[card.trend],
            covered=f"{card.covered:.0f}",
        )
    )
    if card.segment is not None:
        median = points(card.total_median) or words["too_few"]
        typer.echo(words["segment"].format(segment=card.segment, median=median))


def _points(value: Decimal | None, *, signed: bool = False) -> str:
    # z: a change that rounds to nothing has no minus sign.
    return "" if value is None else f"{value:+z.1f}" if signed else f"{value:.1f}"
