"""Telling people: `aval notices`.

What belongs here: the command, and how its results look. What does not: the work (`orchestration.notices`,
`.told`, `.sending`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console

if TYPE_CHECKING:
    from orchestration.delivering import Round


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=EXIT_CODES)(notices)


@command
def notices(
    send: Annotated[bool, typer.Option("--send", help="Send it; without, it is only shown.")] = False,
    recipient: Annotated[str | None, typer.Option(help="Only this recipient.")] = None,
    again: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Send a message in doubt again: it did not arrive.")
    ] = None,
    arrived: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="A message in doubt did arrive: ask no more.")
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Tell recipients what they have not been told: shown, or sent with --send. Exit code 1 if it failed."""
    from contextlib import nullcontext

    from orchestration.delivering import tell
    from orchestration.lock import run_lock
    from orchestration.run import ExitCode
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with run_lock(settings.paths.state, "aval notices") if send else nullcontext():
        done = tell(settings, send=send, only=recipient, again=again, arrived=arrived)
    _show(done, send=send)
    if done.in_part or done.failed or done.in_doubt:
        raise typer.Exit(int(ExitCode.FAILED))


def _show(done: Round, *, send: bool) -> None:
    out = console()
    for name, message in done.messages:
        out.rule(name)
        out.print(message.subject, style="bold", highlight=False)
        out.print(message.text, highlight=False)
    for entry in done.in_part:
        out.print(
            f"sent in part: {entry.number} to {entry.recipient}: {entry.remark}; "
            "it is not sent again: tell them yourself and correct the address",
            highlight=False,
        )
    for entry in done.failed:
        out.print(f"not sent: {entry.number} to {entry.recipient}: {entry.remark}")
    for entry in done.in_doubt:
        out.print(
            f"in doubt: {entry.number} to {entry.recipient}: "
            f"{entry.remark or 'aval ended while it was sent'}; "
            f"if it did not arrive: aval notices --send --again {entry.number}, "
            f"if it did: aval notices --send --arrived {entry.number}",
            highlight=False,
        )
    if not done.recipients:
        typer.echo("nobody is told anything: rules/notices.yml names no recipient")
    elif not done.messages:
        typer.echo("there is nothing new to tell")
    elif send:
        typer.echo(f"{done.sent} of {len(done.messages)} messages sent")
    else:
        typer.echo(f"{len(done.messages)} messages would be sent: aval notices --send")
