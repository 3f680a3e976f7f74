"""`aval quarantine`: rows that could not land, what to tell the partner, and their way back.

What belongs here: commands and how results look. What does not: the work (`connectors.feeds.quarantine`).
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from orchestration.cli_shared import CompanyOption, DataOption, command, console, several, table

if TYPE_CHECKING:
    from connectors.company import Company
    from connectors.feeds.quarantine import Fault, Stakes
    from connectors.ledger import Batch, Ledger
    from orchestration.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Rows of reports that could not land, and their way back.")

PartnerOption = Annotated[str | None, typer.Option("--partner", "-p", help="Only of this partner.")]
FeedOption = Annotated[str | None, typer.Option("--feed", "-f", metavar="CODE", help="Only of this feed.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only rows with this reason code.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        formats=["%Y-%m-%d"],
        metavar="YYYY-MM-DD",
        help="Only reports received since then, by the company's clock.",
    ),
]

_TITLES: Final = {
    "en": (
        "file", "row", "column", "value", "reason", "row as sent", "units at stake", "amount at stake",
        "currency", "estimated", "what we ask",
    ),
    "fr": (
        "fichier", "ligne", "colonne", "valeur", "motif", "ligne telle que reçue", "unités en jeu",
        "montant en jeu", "devise", "estimé", "ce que nous demandons",
    ),
}  # fmt: skip
_ASKED: Final = {
    "en": "Correct the row and send the whole report again: corrected rows alone would replace all others.",
    "fr": "Corriger la ligne et renvoyer le rapport entier : des lignes seules remplaceraient le reste.",
}
_ESTIMATED: Final = {
    "en": ("", "units", "amount", "units, amount"),
    "fr": ("", "unités", "montant", "unités, montant"),
}
_DONE: Final = {
    "restored": "put back into the inbox",
    "in_inbox": "in the inbox: the next run reads it again by itself",
    "profile_unchanged": (
        "profile and partners' numbers are as they were when the file was read: mend the profile first"
    ),
    "name_taken": "another file of that name is in the inbox: take it away, then replay again",
    "no_original": "neither in the inbox nor in the archive: ask the partner to send it again",
    "damaged_original": (
        "its original is damaged, or no key opens it: restore the archive from a backup or add the key to "
        "archive.former_keys, or ask the partner to send it again"
    ),
    "not_in_order": "left alone: a later report that would have to be read again after it is lost",
    "no_profile": (
        "its feed {feed} has no profile any more: give it back, as feeds/{feed}.yml, mended, and replay "
        "again; until then what landed of the report counts, and these rows do not"
    ),
}


def _open(ledger: Ledger, partner: str | None, feed: str | None) -> list[Batch]:
    from connectors.feeds.quarantine import open_batches

    opened = [
        batch
        for batch in open_batches(ledger)
        if partner in (None, batch.partner_code) and feed in (None, batch.feed_code)
    ]
    # One run may enter reports of years, feed by feed.
    return sorted(opened, key=lambda batch: batch.received_at)


def _refuse_unknown(
    settings: Settings, ledger: Ledger, partner: str | None, feed: str | None, reason: str | None
) -> None:
    """A mistyped name would have no rows, and read as if nothing were in quarantine."""
    from connectors.errors import ConfigError
    from connectors.feeds.reasons import ENGLISH

    former = ledger.batches("feeds")
    partners = {profile.partner for profile in settings.profiles.values()}
    for code, problem, name, known in (
        ("unknown_partner", "no feed is of partner", partner, partners | {b.partner_code for b in former}),
        ("unknown_feed", "there is no feed", feed, settings.profiles.keys() | {b.feed_code for b in former}),
        ("unknown_reason", "there is no reason", reason, ENGLISH.keys()),
    ):
        if name is not None and name not in known:
            raise ConfigError(
                code, f"{problem} {name!r}", f"one of: {', '.join(sorted(filter(None, known)))}"
            )


@app.command("list")
@command
def quarantine_list(
    partner: PartnerOption = None,
    feed: FeedOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    rows: Annotated[int, typer.Option("--rows", help="How many rows to show.")] = 20,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Show the open rows: by feed and reason, then one by one, in the company's language."""
    from connectors.feeds.quarantine import Stakes, open_faults, read_again
    from connectors.ledger import Ledger
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with Ledger(settings.paths.ledger) as ledger:
        _refuse_unknown(settings, ledger, partner, feed, reason)
        batches = _open(ledger, partner, feed)
        again = [item for item in read_again(ledger) if feed in (None, item.after.feed_code)]
        begins = since.replace(tzinfo=settings.company.zone) if since else None
        faults = open_faults(settings.paths.landing, batches, reason=reason, since=begins)
        stakes = Stakes(ledger, settings.profiles, settings.company.currency)
        totals = [stake.said() for stake in stakes.total(faults)]
        counted = _summary(faults, stakes, settings.company)
    out = console()
    if faults:
        out.print(counted)
        shown = table("Rows, newest report last")
        for name in ("file", "row", "column", "value", "why"):
            shown.add_column(name, overflow="fold")
        for fault in faults[-rows:] if rows > 0 else []:
            shown.add_row(
                fault.batch.file_name or "",
                str(fault.source_row),
                fault.column_name or "",
                fault.value or "",
                fault.said(settings.company.locale),
            )
        out.print(shown)
    if again:
        shown = table("Read again")
        for name in ("file", "feed", "in quarantine before", "now", "state", "because of"):
            shown.add_column(name, overflow="fold")
        for item in again:
            shown.add_row(
                item.after.file_name or "",
                item.after.feed_code or "",
                str(item.before.rows_quarantined),
                str(item.after.rows_quarantined),
                item.after.state,
                "other partner numbers" if item.is_of_partners else "a mended profile",
            )
        out.print(shown)
    count = len({(fault.batch.batch_id, fault.source_row) for fault in faults})
    at_stake = f"; at stake: {' and '.join(totals)} (~ holds estimates)" if totals else ""
    typer.echo(f"{several(count, 'row')} {'is' if count == 1 else 'are'} in quarantine{at_stake}")


def _summary(faults: list[Fault], stakes: Stakes, company: Company) -> object:
    counts: Counter[tuple[str, str]] = Counter()
    of_reason: dict[tuple[str, str], list[Fault]] = {}
    oldest: dict[tuple[str, str], date] = {}
    for fault in faults:
        key = (fault.batch.feed_code or "", fault.reason_code)
        counts[key] += 1
        of_reason.setdefault(key, []).append(fault)
        day = fault.batch.received_at.astimezone(company.zone).date()
        oldest[key] = min(day, oldest.get(key, day))
    shown = table("In quarantine")
    for name in ("feed", "reason", "faults", "at stake", "oldest", "days"):
        shown.add_column(name, overflow="fold")
    for (feed, code), count in counts.most_common():
        day = oldest[feed, code]
        stake = ", ".join(stake.said() for stake in stakes.total(of_reason[feed, code]))
        shown.add_row(
            feed, code, f"{count:,}", stake, day.isoformat(), str(max(0, (company.today() - day).days))
        )
    return shown


@app.command("export")
@command
def quarantine_export(
    file: Annotated[Path, typer.Argument(help="FILE.csv or FILE.xlsx; replaced if it is there.")],
    partner: Annotated[str, typer.Option("--partner", "-p", help="Whose rows: one partner to a file.")],
    feed: FeedOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    language: Annotated[
        Literal["fr", "en"] | None,
        typer.Option(help="Language of the reasons.", show_default="the company's"),
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Write one partner's open rows with their reasons, to send to the partner."""
    from connectors.feeds.quarantine import Stakes, open_faults
    from connectors.ledger import Ledger
    from connectors.sheets import write_sheet
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with Ledger(settings.paths.ledger) as ledger:
        _refuse_unknown(settings, ledger, partner, feed, reason)
        batches = _open(ledger, partner, feed)
        begins = since.replace(tzinfo=settings.company.zone) if since else None
        faults = open_faults(settings.paths.landing, batches, reason=reason, since=begins)
        stakes = Stakes(ledger, settings.profiles, settings.company.currency)
        at_stake = [stakes.of(fault) for fault in faults]
    spoken = language or settings.company.locale
    write_sheet(
        file,
        _TITLES[spoken],
        (
            (
                fault.batch.file_name,
                fault.source_row,
                fault.column_name,
                fault.value,
                fault.said_to_partner(spoken),
                fault.raw_text,
                stake.units,
                stake.amount,
                stake.currency,
                _ESTIMATED[spoken][stake.units_are_estimated + 2 * stake.amount_is_estimated] or None,
                _ASKED[spoken],
            )
            for fault, stake in zip(faults, at_stake, strict=True)
        ),
        spoken,
    )
    count = len({(fault.batch.batch_id, fault.source_row) for fault in faults})
    typer.echo(f"{several(count, 'row')} of {partner} in {file}")


@app.command("replay")
@command
def quarantine_replay(
    feed: FeedOption = None, company: CompanyOption = None, data: DataOption = None
) -> None:
    """Have reports with open rows read again under a mended profile: originals return to the inbox."""
    from connectors.feeds.quarantine import put_back
    from connectors.ledger import Ledger
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with Ledger(settings.paths.ledger) as ledger:
        _refuse_unknown(settings, ledger, None, feed, None)
        done = put_back(settings.paths, settings.company, settings.profiles, ledger, feed)
    for item in done:
        typer.echo(f"{item.batch.file_name}: {_DONE[item.state].format(feed=item.batch.feed_code)}")
    waiting = sum(item.state in ("restored", "in_inbox") for item in done)
    if waiting:
        typer.echo(f"aval run reads {several(waiting, 'file')} again")
    elif not done:
        typer.echo("nothing is in quarantine")
