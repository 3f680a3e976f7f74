"""Reports as they came: `aval archive`.

What belongs here: commands and how results look. What does not: the archive (`connectors.archive`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, table

app = typer.Typer(no_args_is_help=True, help="Partners' reports as they came: list, restore.")


@app.command("list", epilog=EXIT_CODES)
@command
def list_originals(
    partner: Annotated[str | None, typer.Option("--partner", "-p", help="Only of this partner.")] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """List the originals that are kept."""
    from connectors.archive import Archive
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    shown = table("Originals")
    for name in ("kept on", "partner", "name", "content", "encrypted"):
        shown.add_column(name, overflow="fold")
    for item in Archive(settings.paths.archive, settings.company.archive).originals(partner):
        shown.add_row(
            item.kept_on.isoformat(),
            item.partner_code,
            item.name,
            item.content_hash[:12],
            "yes" if item.is_encrypted else "no",
        )
    console().print(shown)


@app.command("restore", epilog=EXIT_CODES)
@command
def restore(
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Where to write them; the inbox to read them again.")
    ],
    partner: Annotated[str | None, typer.Option("--partner", "-p", help="Only of this partner.")] = None,
    content: Annotated[
        str, typer.Option("--content", metavar="HASH", help="Only what `archive list` shows under content.")
    ] = "",
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Write originals under the names by which they came; a file that is there already is left alone."""
    from connectors.archive import Archive
    from connectors.ledger import Ledger
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    archive = Archive(settings.paths.archive, settings.company.archive)
    with Ledger(settings.paths.ledger) as ledger:
        names = {batch.content_hash: batch.file_name for batch in ledger.batches("feeds")}
    for item in archive.originals(partner):
        if not item.content_hash.startswith(content):
            continue
        target = to / (names.get(item.content_hash) or f"{item.partner_code}/{item.name}")
        if target.exists():
            typer.echo(f"{target}: there already", err=True)
            continue
        archive.restore(item, target)
        typer.echo(str(target))


@app.command("key")
def key() -> None:
    """Make a new key for `archive.key`. Keep a copy of it where the archive is not: nothing else opens it."""
    from connectors.archive import new_key

    typer.echo(new_key())
