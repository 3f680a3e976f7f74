"""What needs somebody's attention: `aval alerts`.

What belongs here: commands, and how alerts look. What does not: reading them (`orchestration.alerts`), and
when they are raised (the models).
"""

from __future__ import annotations

import getpass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, table

if TYPE_CHECKING:
    from orchestration.alerts import Alert, Language

app = typer.Typer(help="What needs somebody's attention, the most urgent first.")

WORDS: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        "title": "Alertes à la date du {day}",
        "severity": "gravité",
        "alert": "alerte",
        "subject": "sujet",
        "since": "depuis",
        "measured": "mesure (limite)",
        "stake": "enjeu ({currency})",
        "action": "à faire",
        "state": "état",
        "critical": "critique",
        "warning": "alerte",
        "notice": "information",
        "open": "ouverte",
        "muted": "muette jusqu'au",
        "resolved": "close le",
        "lapsed": "périmée le",
        "unknown": "inconnu",
        "unit_days": "jours",
        "unit_months": "mois",
        "unit_percent": "%",
        "unit_units": "unités",
        "unit_weeks": "semaines",
        "own_stock": "notre stock",
        "no_partner": "sans partenaire",
        "count": "alertes",
        "count_one": "alerte",
    },
    "en": {
        "title": "Alerts as of {day}",
        "severity": "severity",
        "alert": "alert",
        "subject": "subject",
        "since": "since",
        "measured": "measured (limit)",
        "stake": "at stake ({currency})",
        "action": "what to do",
        "state": "state",
        "critical": "critical",
        "warning": "warning",
        "notice": "notice",
        "open": "open",
        "muted": "muted until",
        "resolved": "resolved on",
        "lapsed": "lapsed on",
        "unknown": "unknown",
        "unit_days": "days",
        "unit_months": "months",
        "unit_percent": "%",
        "unit_units": "units",
        "unit_weeks": "weeks",
        "own_stock": "our stock",
        "no_partner": "no partner",
        "count": "alerts",
        "count_one": "alert",
    },
}


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
    shown = table(words["title"].format(day=written(settings.company.today(), "date", locale)))
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
            _listed(alert, locale),
            written(alert.since, "date", locale),
            _measured(alert, locale),
            words["unknown"] if alert.stake is None else written(alert.stake, "amount", locale),
            alert.action(locale),
        ]
        if everything:
            until = alert.resolved or alert.muted_until
            cells.append(words[alert.status] + (f" {written(until, 'date', locale)}" if until else ""))
        shown.add_row(*cells)
    out.print(shown)
    typer.echo(counted(len(found), locale))


def counted(count: int, locale: Language) -> str:
    from orchestration.partner_page import written

    # French counts 0 and 1 in the singular, English 1 alone.
    is_singular = count <= 1 if locale == "fr" else count == 1
    return f"{written(count, 'quantity', locale)} {WORDS[locale]['count_one' if is_singular else 'count']}"


def _listed(alert: Alert, locale: Language) -> str:
    """The subject, in words where it is about no partner, and below it the names that it has."""
    from orchestration.alerts import NOBODY

    subject = alert.subject
    if alert.partner == NOBODY:
        who = "own_stock" if alert.rule == "own_stock_shortage" else "no_partner"
        subject = WORDS[locale][who] + subject.removeprefix(NOBODY)
    partner = None if alert.partner == NOBODY else alert.partner_name
    names = (partner, alert.product_name, alert.programme_name(locale))
    return "\n".join([subject, *(name for name in names if name)])


def _published(subject: str, locale: Language) -> str:
    """The subject's code, of what a person reads in the list."""
    from orchestration.alerts import NOBODY

    who, mark, of = subject.partition("|")
    is_listed_so = who in (WORDS[locale]["own_stock"], WORDS[locale]["no_partner"])
    return NOBODY + mark + of if is_listed_so else subject


def _measured(alert: Alert, locale: Language) -> str:
    """The value, its limit where the rule has one, in the rule's unit, and below it what was measured."""
    from orchestration.partner_page import written

    if alert.measured is None:
        return ""
    mark = "," if locale == "fr" else "."
    measured, limit = (
        "" if value is None else written(value, "amount", locale).removesuffix(f"{mark}00")
        for value in (alert.measured, alert.limit)
    )
    unit = WORDS[locale].get(
        f"unit_{alert.measured_in}", alert.currency if alert.measured_in == "amount" else ""
    )
    value = " ".join(part for part in (measured, f"({limit})" if limit else "", unit) if part)
    return f"{value}\n{alert.measure(locale)}"


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
    from connectors.alerts import EVERY, MUTES_FILE, Mute, add_mute
    from orchestration.alerts import OPEN, published_alerts
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    subject = _published(subject, settings.company.locale)
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
