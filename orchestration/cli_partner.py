"""All there is to know of one partner before a visit: `aval partner`.

What belongs here: the command, and how the page looks. What does not: what stands on it
(`orchestration.partner_page`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, table


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("partner", epilog=EXIT_CODES)(partner)


@command
def partner(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The partner's code in the ERP.")],
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", metavar="FILE.xlsx", help="Write it as a workbook too.")
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Print the state of everything with one partner, in the company's language."""
    from rich.text import Text

    from orchestration.partner_page import partner_page, write_page, written
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    page = partner_page(settings.paths.published, code, settings.company.locale)
    out = console()
    as_of = f", {page.word('as_of')} {written(page.as_of, 'date', page.locale)}"
    out.print(Text.assemble((f"{page.code} {page.name}", "bold"), as_of))
    for title, columns in page.sections():
        shown = table(title)
        shown.show_header = False
        shown.add_column(width=36)
        shown.add_column(overflow="fold")
        for column in columns:
            shown.add_row(page.heading(column), page.said(column))
        out.print(shown)
    if page.alerts:
        shown = table(page.word("alerts"))
        shown.show_header = False
        for alert in page.alerts:
            stake = (
                ""
                if alert.stake is None
                else f"{written(alert.stake, 'amount', page.locale, page.currency)} {page.currency}"
            )
            shown.add_row(alert.name(page.locale), alert.item or "", stake, alert.action(page.locale))
        out.print(shown)
    if page.conflicts:
        shown = table(page.word("conflicts"))
        shown.show_header = False
        for item in page.conflicts:
            stake = (
                ""
                if item.stake is None
                else f"{written(item.stake, 'amount', page.locale, page.currency)} {page.currency}"
            )
            shown.add_row(item.kind, item.other_partner, item.territory or "", item.family, stake)
        out.print(shown)
    if xlsx is not None:
        write_page(page, xlsx)
        typer.echo(str(xlsx))
