"""Partners' reports: `aval feeds`.

What belongs here: commands about feeds and deliveries, and how results look. What does not: the work
(`orchestration.feeds_status`, `.reminders`, `connectors.delivery`), and commands that look at one file
(`cli_report`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import typer

from orchestration import cli_report
from orchestration.cli_shared import (
    EXIT_CODES,
    CompanyOption,
    DataOption,
    command,
    console,
    listed,
    several,
    table,
    working,
)

if TYPE_CHECKING:
    from connectors.delivery.collect import Look
    from orchestration.feeds_status import FeedStatus

_REFUSALS: Final = 20

app = typer.Typer(
    no_args_is_help=True, help="Partners' reports: what came, what is missing, what a file would give."
)


@app.command("status", epilog=EXIT_CODES)
@command
def status(
    company: CompanyOption = None,
    data: DataOption = None,
    files: Annotated[int, typer.Option(help="How many recent files to list.")] = 15,
) -> None:
    """Show what each feed sent, what is missing or late, and what became of recent files."""
    from connectors.delivery.collect import last_looks
    from connectors.ledger import Ledger
    from orchestration.feeds_status import all_feeds
    from orchestration.plan import read_left_aside
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with Ledger(settings.paths.ledger) as ledger:
        statuses = all_feeds(settings.profiles, ledger, settings.company.today(), settings.company.zone)
        recent = ledger.batches("feeds")[-files:] if files > 0 else []
        aside = read_left_aside(ledger)
        looks = last_looks(ledger)
    out = console()
    shown = table("Feeds as of " + settings.company.today().isoformat())
    for name in (
        "feed",
        "partner",
        "every",
        "last period",
        "received",
        "missing",
        "late",
        "in quarantine",
        "last file",
    ):
        shown.add_column(name, overflow="fold")
    for status in statuses:
        batch = status.last_batch
        shown.add_row(
            status.feed_code,
            status.partner_code,
            status.frequency,
            status.last_period or "none yet",
            f"{status.received} of {status.expected}",
            listed(status.missing),
            listed(status.late),
            _waiting_rows(status, settings.company.today()),
            f"{batch.file_name}: {batch.state}" if batch else "",
        )
    out.print(shown)
    held = [batch for status in statuses for batch in status.held]
    if held:
        shown = table("Held: they restate a period too long after it")
        for name in ("batch", "file", "feed", "came at (UTC)", "why"):
            shown.add_column(name, overflow="fold")
        for batch in held:
            shown.add_row(
                batch.batch_id,
                batch.file_name or "",
                batch.feed_code or "",
                f"{batch.received_at:%Y-%m-%d %H:%M}",
                batch.reason or "",
            )
        out.print(shown)
        out.print("aval feeds accept BATCH lets one count", highlight=False)
    if recent:
        shown = table(f"Last {len(recent)} files")
        for name in ("landed at (UTC)", "file", "feed", "state", "read", "accepted", "quarantined", "reason"):
            shown.add_column(name, overflow="fold")
        for batch in reversed(recent):
            shown.add_row(
                f"{batch.landed_at:%Y-%m-%d %H:%M}",
                batch.file_name or "",
                batch.feed_code or "",
                batch.state,
                str(batch.rows_read),
                str(batch.rows_accepted),
                str(batch.rows_quarantined or ""),
                batch.reason or "",
            )
        out.print(shown)
        for batch in reversed(recent):
            for line in cli_report.control_lines(batch.totals)[1:]:
                out.print(f"{batch.file_name}: {line.strip()}", highlight=False)

    if aside:
        shown = table("In the inbox, not taken in")
        for name in ("file", "state", "why"):
            shown.add_column(name, overflow="fold")
        for item in aside:
            shown.add_row(item.file_name, item.state, item.reason)
        out.print(shown)
    _show_looks(looks)


@app.command("accept", epilog=EXIT_CODES)
@command
def accept(
    batch: Annotated[str, typer.Argument(help="Batch of the held report, as `aval feeds status` shows it.")],
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why it is right; kept in the ledger.")
    ] = "accepted",
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Let a held report count: the next run builds its periods."""
    from connectors.feeds.held import accept as accept_batch
    from connectors.ledger import Ledger
    from orchestration.lock import run_lock
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with run_lock(settings.paths.state, "aval feeds accept"), Ledger(settings.paths.ledger) as ledger:
        accepted = accept_batch(ledger, batch, reason)
    console().print(f"{accepted.file_name} counts from the next run on", highlight=False, soft_wrap=True)


@app.command("fetch", epilog=EXIT_CODES)
@command
def fetch(
    delivery: Annotated[
        str | None, typer.Argument(help="Name of one of `deliveries` in company.yml; all if absent.")
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Fetch what partners have delivered into the inbox, without a run. Exit code 1 if a source failed."""
    from datetime import UTC, datetime

    from connectors.delivery.collect import collect
    from connectors.errors import ConfigError
    from connectors.ledger import Ledger
    from orchestration.lock import run_lock
    from orchestration.run import ExitCode
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    known = settings.company.deliveries
    if delivery is not None and delivery not in known:
        raise ConfigError(
            "unknown_delivery",
            f"there is no delivery {delivery!r}",
            f"one of: {', '.join(known)}" if known else "name one under 'deliveries' in company.yml",
        )
    if not known:
        typer.echo("company.yml names no deliveries (docs/delivery.md)")
        return
    with (
        run_lock(settings.paths.state, "aval feeds fetch"),
        Ledger(settings.paths.ledger) as ledger,
        working("fetching"),
    ):
        looks = collect(settings.company, ledger, now=datetime.now(UTC), only=delivery)
    for name in (name for seen in looks for name in seen.fetched):
        typer.echo(name)
    _show_looks(looks)
    if any(seen.problem for seen in looks):
        is_setting = any(seen.is_setting for seen in looks)
        raise typer.Exit(int(ExitCode.WRONG_USE if is_setting else ExitCode.FAILED))


@app.command("reminders", epilog=EXIT_CODES)
@command
def reminders(
    company: CompanyOption = None,
    data: DataOption = None,
    language: Annotated[
        str | None, typer.Option(help="fr or en: language of the texts; the company's if absent.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Also print the text of each reminder.")] = False,
) -> None:
    """List the reports that are overdue, by partner, with whom to ask. Nothing is sent."""
    from connectors.errors import ConfigError
    from connectors.ledger import Ledger
    from orchestration.reminders import reminders_due
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    spoken = language or settings.company.locale
    if spoken not in ("fr", "en"):
        raise ConfigError("unknown_language", f"there is no language {spoken!r}", "use fr or en")
    with Ledger(settings.paths.ledger) as ledger:
        due = reminders_due(settings.profiles, ledger, settings.company.today(), settings.company.zone)
    out = console()
    if not due:
        out.print(f"No report is overdue as of {settings.company.today().isoformat()}.")
        return
    shown = table("Overdue as of " + settings.company.today().isoformat())
    for name in ("partner", "feed", "period", "due", "days late", "contact"):
        shown.add_column(name, overflow="fold")
    for reminder in due:
        for period in reminder.periods:
            shown.add_row(
                reminder.partner_code,
                reminder.feed_code,
                period.label,
                period.due.isoformat(),
                str(reminder.days_late(period)),
                reminder.contact or "",
            )
    out.print(shown)
    if text:
        for reminder in due:
            out.rule(f"{reminder.partner_code} {reminder.contact or ''}".strip())
            out.print(
                reminder.text("fr" if spoken == "fr" else "en", settings.company.company.name), markup=False
            )


cli_report.add_to(app)


def _show_looks(looks: Sequence[Look]) -> None:
    if not looks:
        return
    out = console()
    shown = table("Deliveries")
    for name in ("delivery", "kind", "partner", "looked at (UTC)", "files there", "result"):
        shown.add_column(name, overflow="fold")
    for seen in looks:
        shown.add_row(
            seen.delivery,
            seen.kind,
            seen.partner_code,
            seen.at[:16].replace("T", " "),
            f"{seen.listed:,}",
            seen.in_words(),
        )
    out.print(shown)
    for seen in looks:
        for name, reason in seen.refused[:_REFUSALS]:
            out.print(f"refused from {seen.delivery}: {name}: {reason}", highlight=False)
        if len(seen.refused) > _REFUSALS:
            out.print(f"… and {len(seen.refused) - _REFUSALS:,} more refused from {seen.delivery}")


def _waiting_rows(status: FeedStatus, today: date) -> str:
    """Rows in quarantine and how long the oldest has waited."""
    if status.quarantined_since is None:
        return ""
    return (
        f"{several(status.rows_quarantined, 'row')}, "
        f"{several(max(0, (today - status.quarantined_since).days), 'day')}"
    )
