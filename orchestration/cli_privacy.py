"""End customers: `aval privacy`.

What belongs here: the command and how its result looks. What does not: erasing (`orchestration.erasure`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, working

app = typer.Typer(no_args_is_help=True, help="End customers: erase one who asks for it.")


@app.callback()
def privacy() -> None:
    """End customers: erase one who asks for it."""


@app.command("erase", epilog=EXIT_CODES)
@command
def erase(
    partner: Annotated[str, typer.Option("--partner", "-p", help="The partner whose customer it is.")],
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="What names the customer, one text a line (name, e-mail, telephone, card); standard input "
            "if absent. Never an argument: everyone on the machine can read those.",
        ),
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Erase one customer of one partner everywhere; figures stay. Exit code 1 if something is left to do."""
    from connectors import privacy
    from connectors.errors import ConfigError
    from connectors.ledger import Ledger
    from orchestration.erasure import erase as erase_customer
    from orchestration.run import ExitCode
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    partners = {profile.partner for profile in settings.profiles.values() if profile.names_people}
    with Ledger(settings.paths.ledger) as ledger:
        partners |= privacy.partners_heard_of(settings.paths.landing, ledger)
    if partner not in partners:
        raise ConfigError(
            "unknown_partner",
            f"nothing has come of a partner {partner!r}",
            f"one of: {', '.join(sorted(partners)) or 'none'}",
        )
    content = file.read_bytes() if file is not None else sys.stdin.buffer.read()
    try:
        texts = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            "undecodable_bytes",
            f"what names the customer is no UTF-8, in line {line}",
            "save it as UTF-8: in another encoding an accent would not be found",
        ) from error
    with working("erasing"):
        erased = erase_customer(settings, partner, texts)
    entry = erased.entry
    typer.echo(
        f"erased: {entry.rows:,} landed rows and {erased.tables:,} rows of built and published tables no "
        f"longer name the customer; {entry.faults:,} texts in quarantine, {entry.originals:,} originals and "
        f"{entry.files:,} files of the inbox are gone"
    )
    for item in erased.left:
        typer.echo(f"left: {item}", err=True)
    if erased.left:
        raise typer.Exit(int(ExitCode.FAILED))
