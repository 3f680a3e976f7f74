"""Reports as they came: `aval archive`.

What belongs here: commands and how results look. What does not: the archive (`connectors.archive`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, table

if TYPE_CHECKING:
    from connectors.archive import Original
    from connectors.ledger import Batch

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
    """Write originals under the names and with the times by which they came; of several that came under one
    name the newest has it, those before it are NAME~2, NAME~3. A file that is there already is left alone.
    Exit code 1 if some cannot be restored.
    """
    from connectors.archive import Archive
    from connectors.errors import SourceError
    from connectors.feeds.intake.inbox import hash_of
    from connectors.ledger import Ledger
    from orchestration.run import ExitCode
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    archive = Archive(settings.paths.archive, settings.company.archive)
    originals = [item for item in archive.originals(partner) if item.content_hash.startswith(content)]
    if not originals:
        raise SourceError(
            "no_original",
            "there is no original of that partner and content in the archive",
            "`aval archive list` shows what is kept",
        )
    with Ledger(settings.paths.ledger) as ledger:
        arrivals = _arrivals(ledger.batches("feeds"), originals)
    damaged = 0
    for item, name, moment in arrivals:
        target = to / name
        if target.exists():
            same = hash_of(target) == item.content_hash
            typer.echo(f"{target}: {'there already' if same else 'another file is there'}", err=True)
            continue
        try:
            archive.restore(item, target)
        except SourceError as error:
            typer.echo(str(error), err=True)
            damaged += 1
            continue
        if moment is not None:
            # Reports replace one another in the order in which they came.
            os.utime(target, (moment, moment))
        typer.echo(str(target))
    if damaged:
        typer.echo(f"{damaged:,} of {len(arrivals):,} originals could not be restored", err=True)
        raise typer.Exit(int(ExitCode.FAILED))


def _arrivals(
    batches: Sequence[Batch], originals: Sequence[Original]
) -> list[tuple[Original, str, float | None]]:
    """Each original under each name by which it came, and when; the same bytes may be of several periods."""
    came: dict[str, dict[str, float]] = {}
    for batch in batches:
        if batch.file_name and batch.content_hash and batch.state != "duplicate":
            came.setdefault(batch.content_hash, {})[batch.file_name] = batch.received_at.timestamp()
    of_name: dict[str, list[tuple[float, Original]]] = {}
    found: list[tuple[Original, str, float | None]] = []
    for item in originals:
        if item.content_hash not in came:
            found.append((item, f"{item.partner_code}/{item.name}", None))
        for name, moment in came.get(item.content_hash, {}).items():
            of_name.setdefault(name, []).append((moment, item))
    for name, versions in of_name.items():
        newest_first = sorted(versions, key=lambda version: version[0], reverse=True)
        for number, (moment, item) in enumerate(newest_first, start=1):
            path = PurePosixPath(name)
            numbered = path.with_name(f"{path.stem}~{number}{path.suffix}")
            found.append((item, name if number == 1 else str(numbered), moment))
    return found


@app.command("key")
def key() -> None:
    """Make a new key for `archive.key`. Keep a copy of it where the archive is not: nothing else opens it."""
    from connectors.archive import new_key

    typer.echo(new_key())
