"""What needs somebody's attention: `aval alerts`.

What belongs here: commands, and how alerts look. What does not: reading them (`orchestration.alerts`), and
when they are raised (the models).
"""

from __future__ import annotations

import getpass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, table

app = typer.Typer(help="What needs somebody's attention, the most urgent first.")


class SeverityChoice(StrEnum):
    """How urgent an alert is."""

    critical = "critical"
    warning = "warning"
    notice = "notice"


@app.callback(invoke_without_command=True, epilog=EXIT_CODES)
@command
def alerts(
    context: typer.Context,
    partner: Annotated[str | None, typer.Option(help="Only this partner's.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only of this rule.")] = None,
    severity: Annotated[SeverityChoice | None, typer.Option(help="Only so urgent ones.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also muted, resolved and lapsed ones.")] = False,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """List open alerts, the most urgent first."""
    if context.invoked_subcommand is not None:
        return
    from orchestration.alerts import STATES, published_alerts
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    found = published_alerts(
        settings.paths.published,
        states=STATES if everything else ("open",),
        partner=partner,
        rule=rule,
        severity=severity.value if severity else None,
    )
    out = console()
    language = settings.company.locale
    shown = table("Alerts as of " + settings.company.today().isoformat())
    stake = f"at stake ({settings.company.currency})"
    for name in ("severity", "alert", "subject", "since", "measured (limit)", stake, "what to do"):
        shown.add_column(name, overflow="fold", justify="right" if name == stake else "left")
    if everything:
        shown.add_column("state")
    for alert in found:
        cells = [
            alert.severity,
            f"{alert.name(language)}\n{alert.rule}",
            alert.subject,
            alert.since.isoformat(),
            _measured(alert.measured, alert.limit, alert.unit),
            "unknown" if alert.stake is None else f"{alert.stake:,.2f}",
            alert.action(language),
        ]
        if everything:
            until = alert.resolved or alert.muted_until
            cells.append(alert.status + (f" {until}" if until else ""))
        shown.add_row(*cells)
    out.print(shown)
    typer.echo(f"{len(found):,} alerts")


def _measured(measured: object, limit: object, unit: str) -> str:
    if measured is None:
        return ""
    return f"{measured:,.2f} ({limit:,.2f}) {unit}" if limit is not None else f"{measured:,.2f} {unit}"


@app.command(epilog=EXIT_CODES)
@command
def mute(
    rule: Annotated[str, typer.Argument(help="Rule of the alert, or '*' for all.")],
    subject: Annotated[str, typer.Argument(help="Subject of the alert as it is listed, or '*' for all.")],
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="First day on which it is heard again.")
    ],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; kept with the mute.")],
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who mutes.", show_default="the account's name")
    ] = "",
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Mute an alert until a day: a line of rules/alert_mutes.csv, which the next run puts to use."""
    from connectors.alerts import MUTES_FILE, Mute, add_mute
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    add_mute(
        settings.paths.company,
        Mute(rule, subject, until.date(), reason, by or getpass.getuser(), settings.company.today()),
    )
    typer.echo(f"{rule} {subject} is muted until {until.date()} in {MUTES_FILE}; aval run puts it to use")
