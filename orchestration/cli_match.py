"""`aval match`: proposals of what partners write means, and people's decisions on them.

What belongs here: commands and the dialogue. What does not: the work (`orchestration.matching`).
"""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from orchestration.cli_shared import CompanyOption, DataOption, command, console, table, working

if TYPE_CHECKING:
    from orchestration.matching import Candidate, Matter, Open
    from orchestration.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="What partners' products and stores are, and whose unknown files are, where no exact identifier "
    "says so: proposals and decisions.",
)


class KindChoice(StrEnum):
    """What is matched."""

    products = "products"
    stores = "stores"
    partners = "partners"


KindOption = Annotated[KindChoice, typer.Option("--kind", "-k", help="What is matched.")]
_NOUNS: Final = {
    KindChoice.products: "codes",
    KindChoice.stores: "stores",
    KindChoice.partners: "places of the inbox",
}
_NEXT: Final = {
    KindChoice.products: "aval run puts accepted matches to use",
    KindChoice.stores: "aval run puts accepted matches to use",
    KindChoice.partners: "aval feeds propose FILE drafts a profile of a file for the accepted partner",
}


def _option(kind: KindChoice) -> str:
    """How the kind is said on the command line; the first one need not be."""
    return "" if kind is KindChoice.products else f" --kind {kind.value}"


ByOption = Annotated[
    str, typer.Option("--by", metavar="NAME", help="Who decides.", show_default="the account's name")
]


@app.command("propose")
@command
def match_propose(
    kind: KindOption = KindChoice.products,
    company: CompanyOption = None,
    data: DataOption = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Score from which one is proposed.",
            show_default="see docs/matching.md",
        ),
    ] = None,
) -> None:
    """Score what is ours against everything unmatched. Proposes only: nothing changes until you accept."""
    from orchestration.matching import matter_of, open_codes, propose
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    matter = matter_of(kind.value)
    with working("comparing"):
        propose(settings, matter, threshold)
    codes = open_codes(settings, matter)
    proposed = [code for code in codes if code.candidates]
    typer.echo(f"{len(proposed):,} of {len(codes):,} unmatched {_NOUNS[kind]} have a proposal")
    if proposed:
        option = _option(kind)
        typer.echo(
            f"decide with: aval match review{option}, or: aval match export FILE.xlsx{option} and "
            f"aval match import FILE.xlsx{option}"
        )


@app.command("list")
@command
def match_list(
    kind: KindOption = KindChoice.products,
    company: CompanyOption = None,
    data: DataOption = None,
    rows: Annotated[int, typer.Option("--rows", help="How many codes to list.")] = 20,
) -> None:
    """Show what is unmatched, most valuable first, and what is proposed for it."""
    from orchestration.matching import matter_of, open_codes
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    codes = open_codes(settings, matter_of(kind.value))
    partners: dict[str, list[Open]] = {}
    for code in codes:
        partners.setdefault(code.partner_code, []).append(code)
    shown = table("Unmatched, by partner")
    stake = f"at stake ({settings.company.currency})"
    for name in ("partner", _NOUNS[kind], "with a proposal", "units", stake):
        shown.add_column(name, overflow="fold")
    for partner, own in sorted(partners.items(), key=lambda item: -_total(item[1])):
        shown.add_row(
            f"{partner} {own[0].partner_name}",
            f"{len(own):,}",
            f"{sum(bool(code.candidates) for code in own):,}",
            f"{sum(code.units or 0 for code in own):,.0f}",
            f"{_total(own):,.2f}",
        )
    out = console()
    if kind is not KindChoice.partners:
        out.print(shown)
    if codes[:rows]:
        shown = table(f"Most valuable {_NOUNS[kind]}")
        for name in ("partner", "code", "label", "units", "at stake", "proposed", "score"):
            shown.add_column(name, overflow="fold")
        for code in codes[:rows]:
            best = code.candidates[0] if code.candidates else None
            shown.add_row(
                code.partner_code,
                code.reported_code,
                code.reported_label or "",
                "" if code.units is None else f"{code.units:,.0f}",
                "unknown" if code.amount is None else f"{code.amount:,.2f}",
                f"{best.target_code} {best.target_name}" if best else "",
                str(best.score) if best else "",
            )
        out.print(shown)
    typer.echo(f"{len(codes):,} {_NOUNS[kind]} are unmatched")


def _total(codes: list[Open]) -> float:
    return float(sum(code.amount or 0 for code in codes))


@app.command("review")
@command
def match_review(
    kind: KindOption = KindChoice.products,
    company: CompanyOption = None,
    data: DataOption = None,
    partner: Annotated[str | None, typer.Option(help="Only this partner's codes.")] = None,
    by: ByOption = "",
) -> None:
    """Decide on proposals one by one, most valuable first. Each answer is kept at once."""
    from orchestration.matching import matter_of, open_codes
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    matter = matter_of(kind.value)
    waiting = [
        code
        for code in open_codes(settings, matter)
        if code.candidates and (partner is None or code.partner_code == partner)
    ]
    if not waiting:
        typer.echo("nothing to review: aval match propose looks for proposals")
        return
    counts = {"accepted": 0, "rejected": 0, "skipped": 0}
    for number, code in enumerate(waiting, start=1):
        _show(settings, code, f"{number} of {len(waiting)}")
        answer = _ask(len(code.candidates))
        if answer == "q":
            break
        counts[_keep(settings, matter, code, answer, by or getpass.getuser())] += 1
    typer.echo(", ".join(f"{count} {what}" for what, count in counts.items()))
    if counts["accepted"]:
        typer.echo(_NEXT[kind])


def _ask(candidates: int) -> str:
    """`a` or a number accepts, `r` rejects all that is shown, `s` skips, `q` ends."""
    choices = "[a]ccept the first, " + (f"[2-{candidates}] another, " if candidates > 1 else "")
    known = {"a", "r", "s", "q", *(str(number) for number in range(1, candidates + 1))}
    while True:
        answer: str = typer.prompt(f"{choices}[r]eject, [s]kip, [q]uit", default="s").strip().lower()
        if answer in known:
            return "1" if answer == "a" else answer
        typer.echo(f"{answer!r} is none of the answers")


def _keep(settings: Settings, matter: Matter, code: Open, answer: str, by: str) -> str:
    from connectors.matching.decisions import add_decisions
    from orchestration.matching import accept, reject

    now = datetime.now(UTC)
    if answer == "s":
        return "skipped"
    if answer == "r":
        add_decisions(settings.paths.company, reject(code, by, now), matter.kind)
        return "rejected"
    chosen = code.candidates[int(answer) - 1]
    add_decisions(settings.paths.company, [accept(code, chosen, by, now)], matter.kind)
    return "accepted"


def _show(settings: Settings, code: Open, place: str) -> None:
    out = console()
    out.print()
    out.print(
        f"{place}  {code.partner_code} {code.partner_name}: {code.reported_code} {code.reported_label or ''}",
        highlight=False,
        style="bold",
    )
    units = (
        "units unknown" if code.units is None else f"{code.units:,.0f} unit{'' if code.units == 1 else 's'}"
    )
    amount = "amount unknown" if code.amount is None else f"{code.amount:,.2f} {settings.company.currency}"
    estimated = " at list price" if code.reported_amount is None and code.amount is not None else ""
    out.print(
        f"at stake: {units}, {amount}{estimated}; seen {code.first_seen} to {code.last_seen}",
        highlight=False,
    )
    for number, candidate in enumerate(code.candidates, start=1):
        out.print(f"  {number}  {_line(candidate)}", highlight=False)


def _line(candidate: Candidate) -> str:
    unit = f", in {candidate.unit_code}" if candidate.unit_code else ""
    return (
        f"{candidate.score:.2f}  {candidate.target_code} {candidate.target_name}{unit} ({candidate.reasons})"
    )


@app.command("export")
@command
def match_export(
    file: Annotated[Path, typer.Argument(help="FILE.csv or FILE.xlsx; replaced if it is there.")],
    kind: KindOption = KindChoice.products,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Write all that is unmatched with its proposals as a table to decide on in an office program."""
    from orchestration.matching import export_open, matter_of
    from orchestration.settings import load_settings

    count = export_open(load_settings(company, data), matter_of(kind.value), file)
    typer.echo(
        f"{count:,} {_NOUNS[kind]} in {file}: fill in 'decision' (accept or reject), then aval match import "
        f"{file}{_option(kind)}"
    )


@app.command("import")
@command
def match_import(
    file: Annotated[Path, typer.Argument(help="The table, with 'decision' filled in.")],
    kind: KindOption = KindChoice.products,
    company: CompanyOption = None,
    data: DataOption = None,
    by: ByOption = "",
) -> None:
    """Keep the decisions of an exported table: all, or none and the first fault with row and column."""
    from orchestration.matching import import_decisions, matter_of
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    matter = matter_of(kind.value)
    decisions = import_decisions(settings, matter, file, by or getpass.getuser(), datetime.now(UTC))
    accepted = sum(decision.decision == "accepted" for decision in decisions)
    typer.echo(f"{accepted} accepted, {len(decisions) - accepted} rejected")
    if accepted:
        typer.echo(_NEXT[kind])
