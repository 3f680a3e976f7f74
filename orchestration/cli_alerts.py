"""What needs somebody's attention: `aval alerts`.

What belongs here: commands, and the list. What does not: reading them (`orchestration.alerts`), and
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
    from orchestration.alert_words import WORDS, counted, listed, measured_in_words
    from orchestration.alerts import STATES, as_of, published_alerts
    from orchestration.partner_page import require_partner, written
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    if partner is not None:
        require_partner(settings.paths.published, partner)
    found = published_alerts(
        settings.paths.published,
        states=STATES if everything else ("open",),
        partner=partner,
        rule=rule,
        severity=severity.value if severity else None,
    )
    out = console()
    locale, currency = settings.company.locale, settings.company.currency
    words = WORDS[locale]
    day = written(as_of(settings.paths.published), "date", locale)
    shown = table(words["title"].format(day=day))
    stake = words["stake"].format(currency=currency)
    for name in (words["severity"], words["alert"], words["subject"], words["since"], words["measured"]):
        shown.add_column(name, overflow="fold")
    shown.add_column(stake, justify="right")
    shown.add_column(words["action"], overflow="fold")
    if everything:
        shown.add_column(words["state"])
    for alert in found:
        cells = [
            words[alert.severity],
            f"{alert.name(locale)}\n{alert.rule}",
            listed(alert, locale),
            written(alert.since, "date", locale),
            measured_in_words(alert, locale),
            words["unknown"]
            if alert.stake is None
            else written(alert.stake, "amount", locale, alert.currency),
            alert.action(locale),
        ]
        if everything:
            until = alert.resolved or alert.muted_until
            cells.append(words[alert.status] + (f" {written(until, 'date', locale)}" if until else ""))
        shown.add_row(*cells)
    out.print(shown)
    typer.echo(counted(len(found), locale))


@app.command(epilog=EXIT_CODES)
@command
def mute(
    rule: Annotated[str, typer.Argument(help="Rule of the alert, or '*' for all.")],
    subject: Annotated[str, typer.Argument(help="Subject of the alert as it is listed, or '*' for all.")],
    until: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day on which it is heard again."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; kept with the mute.")],
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who mutes.", show_default="the account's name")
    ] = "",
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Mute an alert until a day: a line of rules/alert_mutes.csv, which the next run puts to use."""
    from connectors.alerts import EVERY, MUTES_FILE, Mute, add_mute
    from orchestration.alert_words import published_subject
    from orchestration.alerts import OPEN, published_alerts
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    subject = published_subject(subject, settings.company.locale)
    add_mute(
        settings.paths.company,
        Mute(rule, subject, until.date(), reason, by or getpass.getuser(), settings.company.today()),
    )
    typer.echo(f"{rule} {subject} is muted until {until.date()} in {MUTES_FILE}; aval run puts it to use")
    if settings.current.exists() and not any(
        rule in (EVERY, alert.rule) and subject in (EVERY, alert.subject)
        for alert in published_alerts(settings.paths.published, states=OPEN)
    ):
        typer.echo("no open alert is of that rule and subject now: aval alerts lists them")
