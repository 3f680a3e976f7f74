"""The command line `aval`.

What belongs here: commands, options and how results look. What does not: doing the work. Everything heavy
is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from orchestration import cli_finance, cli_match, cli_quarantine
from orchestration.cli_shared import CompanyOption, DataOption
from orchestration.cli_shared import command as _command
from orchestration.cli_shared import console as _console
from orchestration.cli_shared import table as _table
from orchestration.cli_shared import working as _working

if TYPE_CHECKING:
    from rich.console import Console

    from connectors.delivery.collect import Look
    from connectors.feeds.intake import CheckReport
    from connectors.feeds.propose import Proposal
    from orchestration.feeds_status import FeedStatus
    from orchestration.plan import Options
    from orchestration.settings import Settings
    from orchestration.summary import Summary

_EXIT_CODES: Final = """
Exit codes: 0 done or nothing new; 1 a step failed; 2 wrong use or a fault in the company directory;
3 a gate is closed, nothing was published; 4 another run is at work.
"""

app = typer.Typer(
    name="aval",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Aval, the channel warehouse: from ERP and partners' reports to gated, published marts.\n\n"
    "The company directory is --company or AVAL_COMPANY (default examples/demo); what Aval writes goes to "
    "--data or AVAL_DATA (default var/<company>).",
    epilog=_EXIT_CODES,
)
feeds_app = typer.Typer(
    no_args_is_help=True, help="Partners' reports: what came, what is missing, what a file would give."
)
app.add_typer(feeds_app, name="feeds")
archive_app = typer.Typer(no_args_is_help=True, help="Partners' reports as they came: list, restore.")
app.add_typer(archive_app, name="archive")
cli_finance.add_to(app)
app.add_typer(cli_match.app, name="match")
app.add_typer(cli_quarantine.app, name="quarantine")
privacy_app = typer.Typer(no_args_is_help=True, help="End customers: erase one who asks for it.")
app.add_typer(privacy_app, name="privacy")


@app.command(epilog=_EXIT_CODES)
@_command
def demo(
    data: DataOption = None,
) -> None:
    """Make the sample company if it is not there yet, run everything, and say where to look."""
    from orchestration.settings import SAMPLE_COMPANY, load_settings

    settings = load_settings(SAMPLE_COMPANY, data)
    source = settings.paths.data / "source"
    if not source.exists():
        _make_sample(source)
        settings = load_settings(settings.paths.company, settings.paths.data)
    from orchestration.plan import Options

    _run(settings, Options(), with_figures=True)


@app.command(epilog=_EXIT_CODES)
@_command
def run(
    company: CompanyOption = None,
    data: DataOption = None,
    rebuild: Annotated[
        str,
        typer.Option(
            metavar="MONTHS", help="Build the facts of these months again: 2026-01..2026-03, or 2026-01."
        ),
    ] = "",
    audit: Annotated[
        bool,
        typer.Option(
            "--audit", help="Look at all data, not only at what changed, and run the models' own tests."
        ),
    ] = False,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Build every fact again from landing.")
    ] = False,
    accept_deleted: Annotated[
        bool,
        typer.Option(
            "--accept-deleted-documents",
            help="Accept that posted documents have vanished from the ERP, once explained.",
        ),
    ] = False,
) -> None:
    """Pull the ERP, take in reports, build what changed, judge it and publish it.

    Does nothing, and says so, when nothing is new. Safe to start at any time and after any crash.
    """
    from orchestration.plan import Options
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    _run(settings, Options(rebuild, audit, full_refresh, accept_deleted), with_figures=False)


@app.command(epilog=_EXIT_CODES)
@_command
def publish(company: CompanyOption = None, data: DataOption = None) -> None:
    """Publish the warehouse as it is. It is judged first, unless the gates have passed exactly this file."""
    from orchestration.run import lone_publication
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with _working("publishing"):
        publication = lone_publication(settings)
    typer.echo(f"published {publication.version}: {publication.path} ({_size(publication.bytes)})")


@app.command(epilog=_EXIT_CODES)
@_command
def doctor(company: CompanyOption = None, data: DataOption = None) -> None:
    """Check that this machine and this company directory have what a run needs."""
    from orchestration.doctor import examine
    from orchestration.run import ExitCode

    findings = examine(company, data)
    console = _console()
    for finding in findings:
        mark = "[green]ok     [/]" if finding.is_ok else "[red]problem[/]"
        console.print(f"{mark} {finding.what}: {finding.found}", highlight=False)
        if not finding.is_ok:
            console.print(f"        -> {finding.remedy}", highlight=False)
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(
            int(
                ExitCode.WRONG_USE if any(f.is_setting and not f.is_ok for f in findings) else ExitCode.FAILED
            )
        )


@app.command()
@_command
def dev(
    company: CompanyOption = None,
    data: DataOption = None,
    port: Annotated[int, typer.Option(help="Port of the web page.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open Dagster's web page on this company: assets, runs, checks, schedule and sensor."""
    import os

    from orchestration.dbt import prepare_manifest
    from orchestration.run import prepare_home
    from orchestration.settings import ROOT, load_settings

    settings = load_settings(company, data)
    with _working("preparing the models"):
        prepare_manifest(settings)
    environment = {
        **os.environ,
        "AVAL_COMPANY": str(settings.paths.company),
        "AVAL_DATA": str(settings.paths.data),
        "DAGSTER_HOME": str(prepare_home(settings)),
    }
    typer.echo(f"Dagster for {settings.company.company.name}: http://{host}:{port} (stop with Ctrl-C)")
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.chdir(ROOT)
    os.execve(  # noqa: S606 - Dagster of this environment takes this process's place
        dagster, [dagster, "dev", "-m", "orchestration.definitions", "-h", host, "-p", str(port)], environment
    )


@app.command()
@_command
def docs(company: CompanyOption = None, data: DataOption = None) -> None:
    """Write the documentation of all models as one page, var/docs/index.html."""
    from orchestration.dbt import write_docs
    from orchestration.settings import ROOT, load_settings

    settings = load_settings(company, data)
    with _working("writing the documentation"):
        page = write_docs(settings, ROOT / "var" / "docs")
    typer.echo(f"documentation: {page}")


@app.command()
def version() -> None:
    """Say which version this is."""
    from orchestration.settings import code_version

    typer.echo(f"aval {code_version()}")


@feeds_app.command("status", epilog=_EXIT_CODES)
@_command
def feeds_status(
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
    console = _console()
    table = _table("Feeds as of " + settings.company.today().isoformat())
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
        table.add_column(name, overflow="fold")
    for status in statuses:
        batch = status.last_batch
        table.add_row(
            status.feed_code,
            status.partner_code,
            status.frequency,
            status.last_period or "none yet",
            f"{status.received} of {status.expected}",
            _listed(status.missing),
            _listed(status.late),
            _waiting_rows(status, settings.company.today()),
            f"{batch.file_name}: {batch.state}" if batch else "",
        )
    console.print(table)
    held = [batch for status in statuses for batch in status.held]
    if held:
        table = _table("Held: they restate a period too long after it")
        for name in ("batch", "file", "feed", "came at (UTC)", "why"):
            table.add_column(name, overflow="fold")
        for batch in held:
            table.add_row(
                batch.batch_id,
                batch.file_name or "",
                batch.feed_code or "",
                f"{batch.received_at:%Y-%m-%d %H:%M}",
                batch.reason or "",
            )
        console.print(table)
        console.print("aval feeds accept BATCH lets one count", markup=False, highlight=False)
    if recent:
        table = _table(f"Last {len(recent)} files")
        for name in ("landed at (UTC)", "file", "feed", "state", "read", "accepted", "quarantined", "reason"):
            table.add_column(name, overflow="fold")
        for batch in reversed(recent):
            table.add_row(
                f"{batch.landed_at:%Y-%m-%d %H:%M}",
                batch.file_name or "",
                batch.feed_code or "",
                batch.state,
                str(batch.rows_read),
                str(batch.rows_accepted),
                str(batch.rows_quarantined or ""),
                batch.reason or "",
            )
        console.print(table)
        for batch in reversed(recent):
            for line in _control_lines(batch.totals)[1:]:
                console.print(f"{batch.file_name}: {line.strip()}", markup=False, highlight=False)

    if aside:
        table = _table("In the inbox, not taken in")
        for name in ("file", "state", "why"):
            table.add_column(name, overflow="fold")
        for item in aside:
            table.add_row(item.file_name, item.state, item.reason)
        console.print(table)
    _show_looks(looks)


@feeds_app.command("accept", epilog=_EXIT_CODES)
@_command
def feeds_accept(
    batch: Annotated[str, typer.Argument(help="Batch of the held report, as `aval feeds status` shows it.")],
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why it is right; kept in the ledger.")
    ] = "accepted",
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Let a held report count: the next run builds its periods."""
    from connectors.feeds.held import accept
    from connectors.ledger import Ledger
    from orchestration.lock import run_lock
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with run_lock(settings.paths.state, "aval feeds accept"), Ledger(settings.paths.ledger) as ledger:
        accepted = accept(ledger, batch, reason)
    _console().print(
        f"{accepted.file_name} counts from the next run on", markup=False, highlight=False, soft_wrap=True
    )


@feeds_app.command("fetch", epilog=_EXIT_CODES)
@_command
def feeds_fetch(
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
            "unknown_delivery", f"there is no delivery {delivery!r}", f"one of: {', '.join(known) or 'none'}"
        )
    with (
        run_lock(settings.paths.state, "aval feeds fetch"),
        Ledger(settings.paths.ledger) as ledger,
        _working("fetching"),
    ):
        looks = collect(settings.company, ledger, now=datetime.now(UTC), only=delivery)
    for name in (name for seen in looks for name in seen.fetched):
        typer.echo(name)
    _show_looks(looks)
    if any(seen.problem for seen in looks):
        is_setting = any(seen.is_setting for seen in looks)
        raise typer.Exit(int(ExitCode.WRONG_USE if is_setting else ExitCode.FAILED))


@archive_app.command("list", epilog=_EXIT_CODES)
@_command
def archive_list(
    partner: Annotated[str | None, typer.Option("--partner", "-p", help="Only of this partner.")] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """List the originals that are kept."""
    from connectors.archive import Archive
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    table = _table("Originals")
    for name in ("kept on", "partner", "name", "content", "encrypted"):
        table.add_column(name, overflow="fold")
    for item in Archive(settings.paths.archive, settings.company.archive).originals(partner):
        table.add_row(
            item.kept_on.isoformat(),
            item.partner_code,
            item.name,
            item.content_hash[:12],
            "yes" if item.is_encrypted else "no",
        )
    _console().print(table)


@archive_app.command("restore", epilog=_EXIT_CODES)
@_command
def archive_restore(
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


@archive_app.command("key")
def archive_key() -> None:
    """Make a new key for `archive.key`. Keep a copy of it where the archive is not: nothing else opens it."""
    from connectors.archive import new_key

    typer.echo(new_key())


@privacy_app.callback()
def privacy() -> None:
    """End customers: erase one who asks for it."""


@privacy_app.command("erase", epilog=_EXIT_CODES)
@_command
def privacy_erase(
    partner: Annotated[str, typer.Option("--partner", "-p", help="The partner whose customer it is.")],
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="What names the customer, one text a line (name, e-mail, telephone, card); standard input "
            "if absent. Never an argument: everyone on the machine can read those.",
        ),
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Erase one customer of one partner everywhere; figures stay. Exit code 1 if something is left to do."""
    from connectors.errors import ConfigError
    from orchestration.erasure import erase
    from orchestration.run import ExitCode
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    partners = {profile.partner for profile in settings.profiles.values() if profile.names_people}
    if partner not in partners:
        raise ConfigError(
            "unknown_partner",
            f"no feed of partner {partner!r} names people",
            f"one of: {', '.join(sorted(partners)) or 'none'}",
        )
    text = file.read_text(encoding="utf-8") if file is not None else sys.stdin.read()
    with _working("erasing"):
        erased = erase(settings, partner, text.splitlines())
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


def _show_looks(looks: Sequence[Look]) -> None:
    if not looks:
        return
    console = _console()
    table = _table("Deliveries")
    for name in ("delivery", "kind", "partner", "looked at (UTC)", "files there", "result"):
        table.add_column(name, overflow="fold")
    for seen in looks:
        table.add_row(
            seen.delivery,
            seen.kind,
            seen.partner_code,
            seen.at[:16].replace("T", " "),
            f"{seen.listed:,}",
            seen.in_words(),
        )
    console.print(table)
    for seen in looks:
        for name, reason in seen.refused:
            console.print(f"refused from {seen.delivery}: {name}: {reason}", markup=False, highlight=False)


def _waiting_rows(status: FeedStatus, today: date) -> str:
    """Rows in quarantine and how long the oldest has waited."""
    if status.quarantined_since is None:
        return ""
    return f"{status.rows_quarantined} rows, {max(0, (today - status.quarantined_since).days)} days"


@feeds_app.command("reminders", epilog=_EXIT_CODES)
@_command
def feeds_reminders(
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
    console = _console()
    if not due:
        console.print(f"No report is overdue as of {settings.company.today().isoformat()}.")
        return
    table = _table("Overdue as of " + settings.company.today().isoformat())
    for name in ("partner", "feed", "period", "due", "days late", "contact"):
        table.add_column(name, overflow="fold")
    for reminder in due:
        for period in reminder.periods:
            table.add_row(
                reminder.partner_code,
                reminder.feed_code,
                period.label,
                period.due.isoformat(),
                str(reminder.days_late(period)),
                reminder.contact or "",
            )
    console.print(table)
    if text:
        for reminder in due:
            console.rule(f"{reminder.partner_code} {reminder.contact or ''}".strip())
            console.print(
                reminder.text("fr" if spoken == "fr" else "en", settings.company.company.name), markup=False
            )


@feeds_app.command("check", epilog=_EXIT_CODES)
@_command
def feeds_check(
    file: Annotated[Path, typer.Argument(help="The report, in the inbox or anywhere.")],
    feed: Annotated[
        str | None,
        typer.Option(
            "--feed", "-f", metavar="CODE", help="Profile to read it with; found by its name if absent."
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", "-p", metavar="FILE", help="A profile outside feeds/, such as a draft."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output, for scripts.")
    ] = False,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Dry run of one report: what would land, what would not, and why. Exit code 1 if it is rejected."""
    from connectors.errors import ConfigError
    from connectors.feeds.intake import FeedHistory, check_file, find_feed
    from connectors.feeds.profile import load_profile
    from connectors.feeds.senders import load_identities
    from connectors.ledger import Ledger
    from orchestration.outlook import outlook_of
    from orchestration.run import ExitCode
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    if profile is not None:
        code, chosen = feed or profile.stem, load_profile(profile, settings.company)
    else:
        code = feed or find_feed(file, settings.company.inbox.path, settings.profiles)
        if code not in settings.profiles:
            raise ConfigError(
                "unknown_feed",
                f"there is no feed {code!r}",
                f"one of: {', '.join(sorted(settings.profiles))}",
            )
        chosen = settings.profiles[code]
    outlook = outlook_of(settings, chosen, profile.parent if profile is not None else None)
    with _working("reading"):
        identities = load_identities(settings.paths.landing)
        if settings.paths.ledger.is_file():
            with Ledger(settings.paths.ledger) as ledger:
                history = FeedHistory(ledger, chosen.partner, code)
                report = check_file(file, chosen, code, outlook=outlook, known=history, identities=identities)
        else:
            report = check_file(file, chosen, code, outlook=outlook, identities=identities)
    if as_json:
        typer.echo(report.as_json())
    else:
        _show_check(report)
    if not report.would_land:
        raise typer.Exit(int(ExitCode.FAILED))


@feeds_app.command("propose", epilog=_EXIT_CODES)
@_command
def feeds_propose(
    file: Annotated[Path, typer.Argument(help="A sample of the report, in the inbox or anywhere.")],
    partner: Annotated[
        str | None,
        typer.Option(
            "--partner", "-p", metavar="CODE", help="Partner's code in the ERP; the inbox folder if absent."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write the draft there; to standard output if absent."
        ),
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Draft a profile from a sample file: every choice with its confidence and its reason."""
    from connectors.errors import ConfigError, Place
    from connectors.feeds.draft import render
    from connectors.feeds.known import load_known
    from connectors.feeds.propose import propose
    from connectors.matching.decisions import partner_of
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    if out is not None and out.exists():
        raise ConfigError(
            "file_exists", "the file exists already", "choose another --out, or remove it", Place(file=out)
        )
    inbox = settings.company.inbox.path.resolve()
    above = file.resolve().parent
    folder = above.relative_to(inbox).as_posix() if above.is_relative_to(inbox) and above != inbox else None
    with _working("looking"):
        proposal = propose(
            file,
            partner=partner or partner_of(settings.paths.company, folder or file.name),
            folder=folder,
            siblings=sorted(path.name for path in above.glob("*") if path.is_file()),
            known=load_known(settings.paths.landing, settings.company.company.name),
        )
    text = render(proposal)
    _show_proposal(proposal, to_error=out is None)
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    typer.echo(f"\nwritten to {out}; read it, then: aval feeds check {file} --feed {out.stem}")


def _show_proposal(proposal: Proposal, *, to_error: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    from connectors.feeds.draft import scalar
    from connectors.feeds.propose import WRITTEN_FROM

    console = Console(stderr=True) if to_error else _console()
    table = _table(f"Draft from {escape(proposal.file)}")
    for name in ("setting", "value", "sure", "why"):
        table.add_column(name, overflow="fold")
    for choice in proposal.choices:
        is_open = choice.confidence < WRITTEN_FROM
        value = choice.value
        shown = (
            ", ".join(f"{k}: {scalar(v)}" for k, v in value.items())
            if isinstance(value, dict)
            else scalar(value)
        )
        sure = f"{choice.confidence:.2f}" + (" TODO" if is_open else "")
        style = "red" if is_open else "yellow" if choice.confidence < 0.8 else None
        table.add_row(escape(choice.key), escape(shown), sure, escape(choice.reason), style=style)
    console.print(table)
    for note in proposal.notes:
        console.print(f"- {note}", markup=False, highlight=False)


def _show_check(report: CheckReport) -> None:
    console = _console()
    console.print(
        f"[bold]{report.file_name}[/] as feed {report.feed_code} of partner {report.partner_code}",
        highlight=False,
    )
    if report.columns:
        table = _table("Columns")
        table.add_column("ours")
        table.add_column("in the file")
        for ours, theirs in report.columns.items():
            table.add_row(ours, theirs)
        console.print(table)
    _show_totals(console, report)
    if report.preview:
        names = [name for name in report.preview[0] if _tells(name, report.preview)]
        table = _table("First rows")
        for name in names[:10]:
            table.add_column(name, overflow="fold")
        for row in report.preview[:5]:
            table.add_row(*(row.get(name) or "" for name in names[:10]))
        console.print(table)
    if report.quarantined:
        table = _table("Rows in quarantine")
        for name in ("row", "column", "value", "why"):
            table.add_column(name, overflow="fold")
        for item in report.quarantined:
            table.add_row(str(item.source_row), item.column_name or "", item.value or "", item.reason)
        console.print(table)
    for column, count in report.addresses.items():
        console.print(
            f"[yellow]{count:,} rows hold an e-mail address or a telephone number in {column}[/]: it would "
            "land in clear; name that column of the file under 'customer' or 'personal' instead, or ask the "
            "partner to leave it out"
        )
    console.print(
        f"{report.rows_read:,} rows read: {report.rows_accepted:,} accepted, "
        f"{report.rows_quarantined:,} in quarantine, {report.rows_skipped:,} skipped as the profile says",
        highlight=False,
    )
    for reason, count in report.reasons.items():
        console.print(f"  {count:,} x {reason}", highlight=False)
    for line in _control_lines(report.controls):
        console.print(line, markup=False, highlight=False)
    if report.twin is not None:
        console.print(
            f"the same bytes came before as {report.twin}: a run enters them once",
            markup=False,
            highlight=False,
        )
    if report.superseded:
        console.print(f"would replace: {', '.join(report.superseded)}", markup=False, highlight=False)
    if report.personal:
        console.print(
            f"[yellow]seems to hold people's data in clear:[/] {', '.join(report.personal)}; "
            "name a customer's column under columns.customer, or ask the partner to leave it out",
            highlight=False,
        )
    if report.problem is not None:
        console.print("[red]would be rejected as a whole:[/]")
        console.print(str(report.problem), markup=False, highlight=False)
    else:
        console.print("would be accepted")


def _control_lines(totals: Mapping[str, str]) -> list[str]:
    """Control totals of a report by EDI, and what in it does not fit them."""
    if "controls_passed" not in totals:
        return []
    passed, failed = int(totals["controls_passed"]), int(totals["controls_failed"])
    head = f"{totals['messages']} messages; control totals: {passed:,} fit, {failed:,} remarks"
    return [head, *(f"  {text}" for name, text in sorted(totals.items()) if name.startswith("control_"))]


def _show_totals(console: Console, report: CheckReport) -> None:
    from connectors.feeds.outlook import difference

    former = {(item.entity, item.period): item for item in report.former}
    if report.totals:
        table = _table("Would land, against the report it would replace" if former else "Would land")
        for name in ("entity", "period", "rows", "quantity", "amount"):
            table.add_column(name)
        for total in report.totals:
            table.add_row(total.entity, total.period, f"{total.rows:,}", total.quantity, total.amount)
            old = former.get((total.entity, total.period))
            if old is not None:
                changes = [
                    " ".join(difference(new, before))
                    for new, before in (
                        (str(total.rows), str(old.rows)),
                        (total.quantity, old.quantity),
                        (total.amount, old.amount),
                    )
                ]
                table.add_row("", f"  than {old.file_name}", *changes, style="dim")
        console.print(table)
    for matching in report.matchings:
        left = matching.rows - matching.matched
        console.print(
            f"{matching.entity}: {matching.matched:,} of {matching.rows:,} lines name a known product"
            + (f"; {left:,} do not, amount at stake {matching.amount_unmatched}" if left else ""),
            highlight=False,
        )
        if matching.worst:
            table = _table("Products that nothing known matches")
            for name in ("code", "label", "lines", "quantity", "amount"):
                table.add_column(name, overflow="fold")
            for item in matching.worst:
                table.add_row(item.code, item.label or "", f"{item.rows:,}", item.quantity, item.amount)
            console.print(table)


def _tells(name: str, rows: Sequence[Mapping[str, str | None]]) -> bool:
    """Whether a column says something of the rows: it is filled, and not the same by definition."""
    is_constant = name.startswith("_") or name in ("slice_key", "partner_code", "feed_code")
    return not is_constant and any(row.get(name) for row in rows)


def _listed(labels: Any, shown: int = 4) -> str:
    """The newest labels and how many more there are."""
    newest = ", ".join(labels[-shown:])
    more = len(labels) - shown
    return f"{newest} and {more} more" if more > 0 else newest


def _run(settings: Settings, options: Options, *, with_figures: bool) -> None:
    from orchestration import summary
    from orchestration.run import execute

    earlier = summary.before(settings)
    with _progress():
        outcome = execute(settings, options)
    done = summary.summarize(settings, earlier, outcome)
    _show(settings, done, with_figures=with_figures)
    if outcome.exit_code:
        raise typer.Exit(int(outcome.exit_code))


def _show(settings: Settings, done: Summary, *, with_figures: bool) -> None:
    console = _console()
    console.print()
    console.print(
        f"[bold]{settings.company.company.name}[/], as of {settings.company.today()}", highlight=False
    )
    table = _table(None)
    table.add_column("what")
    table.add_column("figure", overflow="fold")
    table.add_row("ERP rows landed", f"{done.erp_rows:,} in {done.erp_extracts} extracts")
    table.add_row(
        "Reports accepted",
        f"{done.files_accepted:,} files, {done.rows_accepted:,} of {done.rows_read:,} rows",
    )
    table.add_row(
        "Rows in quarantine", f"{done.rows_quarantined:,} rows in {done.files_with_quarantine} files"
    )
    table.add_row("Reports superseded", f"{done.files_superseding} files, {done.rows_superseded:,} rows")
    table.add_row("Files rejected", str(done.files_rejected))
    table.add_row("Files sent twice", str(done.files_duplicate))
    table.add_row(
        "Reports missing", f"{len(done.missing)}" + (f": {_listed(done.missing)}" if done.missing else "")
    )
    for gate in done.gates:
        state = "open" if gate.passed else "[red]CLOSED[/]"
        table.add_row(
            f"Gate {gate.gate}",
            f"{state}, {gate.checks} expectations on {gate.scope} data, "
            f"{gate.failed} failed, {gate.warnings} warnings",
        )
    if not done.gates:
        table.add_row("Gates", "not run" if done.outcome.failures else "not run: nothing new")
    if done.plan is not None and done.plan.is_needed:
        table.add_row("Why it was built", "; ".join(done.plan.reasons))
    table.add_row("Published", _publication_line(done))
    console.print(table)
    if done.notes:
        table = _table("Files to know of")
        for name in ("file", "feed", "what", "why"):
            table.add_column(name, overflow="fold")
        for note in done.notes[:20]:
            table.add_row(note.file_name, note.feed_code, note.what, note.why)
        console.print(table)
        if len(done.notes) > 20:
            console.print(f"… and {len(done.notes) - 20} more: aval feeds status --files {len(done.notes)}")
    if with_figures and done.published and not done.outcome.failures:
        from orchestration.figures import telling_figures

        table = _table("What the marts say")
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_column("from")
        for figure in telling_figures(settings.current, settings.company.currency):
            table.add_row(figure.name, figure.value, figure.source)
        console.print(table)
    for failure in done.outcome.failures:
        console.print(f"[red]failed[/] {failure.step}", highlight=False)
        console.print(failure.reason, markup=False, highlight=False)
    if done.outcome.failures:
        console.print("What was published stays as it was.")
    elif with_figures:
        for place, what in (
            (settings.current, "published tables; any DuckDB client, read-only"),
            (settings.paths.published / "parquet" / "current", "the marts as Parquet"),
            (settings.paths.quality / "docs" / "index.html", "what the gates checked"),
            ("aval feeds status", "what each partner sent, and what is missing"),
            ("aval dev", "Dagster's page: from which source every figure comes"),
        ):
            console.print(f"  {place}  [dim]{what}[/]", highlight=False, soft_wrap=True)


def _publication_line(done: Summary) -> str:
    if done.published is None:
        return "nothing yet"
    if done.outcome.published:
        return f"version {done.published.version}"
    if done.outcome.failures:
        return f"unchanged, still version {done.published.version}"
    return f"nothing new, still version {done.published.version}"


def _make_sample(source: Path) -> None:
    """Write the sample company's ERP and inbox; aside first, so that half of it is never taken for all."""
    import shutil

    from connectors.sample import generate

    aside = source.with_name(".source.part")
    shutil.rmtree(aside, ignore_errors=True)
    with _working("making the sample company"):
        generate(aside)
    shutil.rmtree(source, ignore_errors=True)
    aside.rename(source)


def _size(count: int) -> str:
    return f"{count / 1024**2:,.1f} MiB"


@contextmanager
def _progress() -> Iterator[None]:
    """The run's steps as a bar for a person; as plain lines with the time in a log."""
    from orchestration.console import STEPS, Lines, Steps, listen

    if not sys.stderr.isatty():
        stop = listen(Lines())
        try:
            yield
        finally:
            stop()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("starting", total=STEPS)
        steps = Steps(
            lambda done, text: bar.update(task, completed=done, description=text[:60]),
            lambda text: bar.console.print(text, markup=False, highlight=False),
        )
        stop = listen(steps)
        try:
            yield
        finally:
            stop()


if __name__ == "__main__":
    app()
