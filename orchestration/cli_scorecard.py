"""A partner's scorecard: `aval scorecard`.

What belongs here: the command, and how a scorecard looks at a terminal. What does not: reading it and the
partner's workbook (`orchestration.scorecards`).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, table

if TYPE_CHECKING:
    from orchestration.scorecards import Scorecard
    from orchestration.workbook import Locale


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
        Language | None, typer.Option("--language", help="Of the workbook.", show_default="the company's")
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Show a partner's scorecard of a month; --share writes the one that the partner may see."""
    from orchestration.closing import one_month
    from orchestration.publish import current_file
    from orchestration.scorecards import read_scorecard, write_shared
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    published = current_file(settings.paths.published)
    locale: Locale = settings.company.locale if language is None else language.value
    card = read_scorecard(published, partner, one_month(month)[0] if month else None, locale)
    if share is None:
        _show(card, locale)
        return
    write_shared(published, card, settings.company.company.name, locale, share)
    typer.echo(str(share))


def _show(card: Scorecard, locale: Locale) -> None:
    out = console()
    shown = table(f"{card.partner_code} {card.partner_name}, {card.month:%Y-%m}")
    for name in ("theme", "figure", "score", "weight", "change", "benchmark", "target", "median", "remark"):
        shown.add_column(name, justify="left" if name in ("theme", "remark") else "right", overflow="fold")
    for theme in card.themes:
        shown.add_row(
            theme.name,
            _share(theme.figure),
            _points(theme.score),
            f"{theme.weight:.0f} %",
            _points(theme.change, signed=True),
            _share(theme.benchmark),
            _share(theme.target),
            _share(theme.median_figure),
            theme.reason_in(locale),
        )
    out.print(shown)
    total = _points(card.total) or "none"
    rank = "" if card.rank is None else f", rank {card.rank} of {card.ranked_count}"
    trend = "" if card.trend is None else f", {card.trend}"
    change = "" if card.total_change is None else f" ({_points(card.total_change, signed=True)})"
    typer.echo(f"total {total}{change}{rank}{trend}; {card.covered:.0f} % of the weights covered")
    if card.segment is not None:
        typer.echo(
            f"segment {card.segment}, median total {_points(card.total_median) or 'of too few partners'}"
        )


def _share(value: Decimal | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _points(value: Decimal | None, *, signed: bool = False) -> str:
    # z: a change that rounds to nothing has no minus sign.
    return "" if value is None else f"{value:+z.1f}" if signed else f"{value:.1f}"
