"""One report looked at before it lands: `aval feeds check` and `aval feeds propose`.

What belongs here: commands and how results look. What does not: the work (`connectors.feeds.intake.check`,
`connectors.feeds.propose`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, Final

import typer

from orchestration.cli_shared import (
    EXIT_CODES,
    CompanyOption,
    DataOption,
    command,
    console,
    several,
    table,
    working,
)

if TYPE_CHECKING:
    from rich.console import Console

    from connectors.feeds.intake.check import CheckReport
    from connectors.feeds.propose import Proposal


_MOST_TITLES: Final = 12
"""Titles of unread columns that are shown: a wide report has hundreds."""


def add_to(app: typer.Typer) -> None:
    """Add the commands to `aval feeds`."""
    app.command("check", epilog=EXIT_CODES)(check)
    app.command("propose", epilog=EXIT_CODES)(propose)


@command
def check(
    file: Annotated[
        Path,
        typer.Argument(help="The report, in the inbox or anywhere.", exists=True, dir_okay=False),
    ],
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
    from connectors.feeds.draft import open_decisions
    from connectors.feeds.intake.check import check_file
    from connectors.feeds.intake.history import FeedHistory
    from connectors.feeds.intake.matcher import find_feed
    from connectors.feeds.profile import load_profile
    from connectors.feeds.propose import OPEN_MARK
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
    with working("reading"):
        identities = load_identities(settings.paths.landing)
        until, zone = settings.company.last_day_begun(datetime.now(UTC)), settings.company.zone
        if settings.paths.ledger.is_file():
            with Ledger(settings.paths.ledger) as ledger:
                history = FeedHistory(ledger, chosen.partner, code)
                report = check_file(
                    file,
                    chosen,
                    code,
                    outlook=outlook,
                    known=history,
                    identities=identities,
                    until=until,
                    zone=zone,
                )
        else:
            report = check_file(
                file, chosen, code, outlook=outlook, identities=identities, until=until, zone=zone
            )
    if as_json:
        typer.echo(report.as_json())
    else:
        _show_check(report)
        path = profile or settings.paths.company / "feeds" / f"{code}.yml"
        if undecided := open_decisions(path.read_text(encoding="utf-8")):
            console().print(
                f"the profile leaves open what a draft could not tell ({', '.join(undecided)}): decide, and "
                f"remove the lines that say {OPEN_MARK}",
                style="yellow",
                highlight=False,
            )
    if not report.would_land:
        raise typer.Exit(int(ExitCode.FAILED))


@command
def propose(
    file: Annotated[
        Path,
        typer.Argument(help="A sample of the report, in the inbox or anywhere.", exists=True, dir_okay=False),
    ],
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
    from connectors.feeds.propose import propose as propose_profile
    from connectors.matching.decisions import partner_of
    from orchestration.settings import load_settings

    settings = load_settings(company, data, feeds=False)
    if out is not None and out.exists():
        raise ConfigError(
            "file_exists", "the file exists already", "choose another --out, or remove it", Place(file=out)
        )
    inbox = settings.company.inbox.path.resolve()
    above = file.resolve().parent
    folder = above.relative_to(inbox).as_posix() if above.is_relative_to(inbox) and above != inbox else None
    with working("looking"):
        proposal = propose_profile(
            file,
            partner=partner or partner_of(settings.paths.company, folder or file.name),
            folder=folder,
            siblings=sorted(path.name for path in above.glob("*") if path.is_file()),
            known=load_known(settings.paths.landing, settings.company.company.name),
            calendar=settings.company.calendar,
        )
    text = render(proposal)
    _show_proposal(proposal, to_error=out is None)
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    is_in_use = out.resolve().parent == (settings.paths.company / "feeds").resolve()
    tried = ("--feed", out.stem) if is_in_use else ("--profile", str(out))
    typer.echo(f"\nwritten to {out}; read it, then: {join(('aval', 'feeds', 'check', str(file), *tried))}")


def _show_proposal(proposal: Proposal, *, to_error: bool) -> None:
    from connectors.feeds.draft import scalar
    from connectors.feeds.propose import OPEN_MARK, WRITTEN_FROM

    out = console(stderr=to_error)
    shown = table(f"Draft from {proposal.file}")
    for name in ("setting", "value", "sure", "why"):
        shown.add_column(name, overflow="fold")
    for choice in proposal.choices:
        is_open = choice.confidence < WRITTEN_FROM
        value = choice.value
        text = (
            ", ".join(f"{k}: {scalar(v)}" for k, v in value.items())
            if isinstance(value, dict)
            else scalar(value)
        )
        sure = f"{choice.confidence:.2f}" + (f" {OPEN_MARK}" if is_open else "")
        style = "red" if is_open else "yellow" if choice.confidence < 0.8 else None
        shown.add_row(choice.key, text, sure, choice.reason, style=style)
    out.print(shown)
    for note in proposal.notes:
        out.print(f"- {note}", highlight=False)


def _show_check(report: CheckReport) -> None:
    from rich.text import Text

    out = console()
    feed = f" as feed {report.feed_code} of partner {report.partner_code}"
    out.print(Text.assemble((report.file_name, "bold"), feed))
    if report.columns:
        shown = table("Columns")
        shown.add_column("ours")
        shown.add_column("in the file")
        for ours, theirs in report.columns.items():
            shown.add_row(ours, theirs)
        out.print(shown)
    if report.unread:
        named = ", ".join(map(repr, report.unread[:_MOST_TITLES]))
        more = len(report.unread) - _MOST_TITLES
        out.print(f"not read: {named}" + (f" and {more} more" if more > 0 else ""), highlight=False)
    _show_totals(out, report)
    if report.preview:
        names = [name for name in report.preview[0] if _tells(name, report.preview)]
        shown = table("First rows")
        for name in names[:10]:
            shown.add_column(name, overflow="fold")
        for row in report.preview[:5]:
            shown.add_row(*(row.get(name) or "" for name in names[:10]))
        out.print(shown)
    if report.quarantined:
        shown = table("Rows in quarantine")
        for name in ("row", "column", "value", "why"):
            shown.add_column(name, overflow="fold")
        for item in report.quarantined:
            shown.add_row(str(item.source_row), item.column_name or "", item.value or "", item.reason)
        out.print(shown)
    for column, count in report.addresses.items():
        out.print(
            f"{several(count, 'row')} with an e-mail address or a telephone number in {column}: it would "
            "land in clear; name that column of the file under 'customer' or 'personal' instead, or ask the "
            "partner to leave it out",
            style="yellow",
            highlight=False,
        )
    out.print(
        f"{several(report.rows_read, 'row')} read: {report.rows_accepted:,} accepted, "
        f"{report.rows_quarantined:,} in quarantine, {report.rows_skipped:,} skipped as the profile says",
        highlight=False,
    )
    for reason, count in report.reasons.items():
        out.print(f"  {count:,} x {reason}", highlight=False)
    for line in control_lines(report.controls):
        out.print(line, highlight=False)
    if report.twin is not None:
        out.print(
            f"the same bytes came before as {report.twin}: a run enters a copy of them once",
            highlight=False,
        )
    if report.superseded:
        out.print(f"would replace: {', '.join(report.superseded)}", highlight=False)
    if report.personal:
        out.print(
            f"seems to hold people's data in clear: {', '.join(report.personal)}; "
            "name a customer's column under columns.customer, or ask the partner to leave it out",
            style="yellow",
            highlight=False,
        )
    if report.problem is not None:
        out.print("would be rejected as a whole:", style="red")
        out.print(str(report.problem), highlight=False)
    else:
        out.print("would be accepted")


def control_lines(totals: Mapping[str, str]) -> list[str]:
    """Control totals of a report by EDI, and what in it does not fit them."""
    if "controls_passed" not in totals:
        return []
    passed, failed = int(totals["controls_passed"]), int(totals["controls_failed"])
    head = f"{totals['messages']} messages; control totals: {passed:,} fit, {failed:,} remarks"
    return [head, *(f"  {text}" for name, text in sorted(totals.items()) if name.startswith("control_"))]


def _show_totals(out: Console, report: CheckReport) -> None:
    from connectors.feeds.outlook import difference

    former = {(item.entity, item.period): item for item in report.former}
    if report.totals:
        shown = table("Would land, against the report it would replace" if former else "Would land")
        for name in ("entity", "period", "rows", "quantity", "amount"):
            shown.add_column(name)
        for total in report.totals:
            shown.add_row(total.entity, total.period, f"{total.rows:,}", total.quantity, total.amount)
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
                shown.add_row("", f"  than {old.file_name}", *changes, style="dim")
        out.print(shown)
    for matching in report.matchings:
        left = matching.rows - matching.matched
        out.print(
            f"{matching.entity}: {matching.matched:,} of {matching.rows:,} lines name a known product"
            + (f"; {left:,} do not, amount at stake {matching.amount_unmatched}" if left else ""),
            highlight=False,
        )
        for unit, lines in matching.strange_units.items():
            out.print(
                f"{matching.entity}: {lines:,} lines count in {unit}, a unit that no product has; nobody can "
                "convert them -> write the ERP's unit under 'unit' or 'units' of the profile, or what it is "
                "worth in rules/units.csv",
                highlight=False,
            )
        if matching.worst:
            shown = table("Products that nothing known matches")
            for name in ("code", "label", "lines", "quantity", "amount"):
                shown.add_column(name, overflow="fold")
            for item in matching.worst:
                shown.add_row(item.code, item.label or "", f"{item.rows:,}", item.quantity, item.amount)
            out.print(shown)


def _tells(name: str, rows: Sequence[Mapping[str, str | None]]) -> bool:
    """Whether a column says something of the rows: it is filled, and not the same by definition."""
    is_constant = name.startswith("_") or name in ("slice_key", "partner_code", "feed_code")
    return not is_constant and any(row.get(name) for row in rows)
