"""What finance does at a month's end: `aval close`, `reopen`, `closings`, `trace` and `finance-pack`.

What belongs here: commands and how results look. What does not: the work (`orchestration.closing`, `.trace`,
`.pack`).
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from orchestration.cli_shared import CompanyOption, DataOption, command, console, table

if TYPE_CHECKING:
    from orchestration.trace import Walk

_EXIT_CODES: Final = """
Exit codes: 0 done; 2 wrong use (the message says which and what to do); 3 the publication cannot be closed: a
gate, data that are not published yet, or an unexplained difference with the ledger; 4 a run is at work.
"""

_TRACE_CODES: Final = """
Exit codes: 0 each step adds up to the figure; 1 a step differs; 2 there is no such figure.
"""

_PACK_CODES: Final = """
Exit codes: 0 every total of a sheet is the mart's; 1 one differs; 2 wrong use.
"""

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="The month, as 2026-05.")]
ByOption = Annotated[str, typer.Option("--by", help="Who does it.", show_default="the account's name")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("close", epilog=_EXIT_CODES)(close)
    app.command("reopen", epilog=_EXIT_CODES)(reopen)
    app.command("closings")(closings)
    app.command("trace", epilog=_TRACE_CODES)(trace)
    app.command("finance-pack", epilog=_PACK_CODES)(finance_pack)


@command
def close(
    month: MonthArgument,
    by: ByOption = "",
    note: Annotated[str | None, typer.Option("--note", help="Something to keep with it.")] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Close a month: its finance figures are frozen as they are published now.

    What changes later shows as adjustments in the month that is open then; the marts go on showing what is.
    """
    from orchestration.closing import close as close_month
    from orchestration.settings import load_settings

    frozen = close_month(load_settings(company, data), month, by or getpass.getuser(), note)
    event = frozen.event
    typer.echo(f"closed {month} as {event.closing_code}, from publication {event.publication_code}")
    for mart, count in frozen.figures.items():
        typer.echo(f"  {mart}: {count:,} figures")
    if event.remarks:
        typer.echo(f"to be known: {event.remarks}")
    typer.echo("aval run publishes the closed rows (schema closed)")


@command
def reopen(
    month: MonthArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept for ever.")],
    by: ByOption = "",
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Reopen the newest closed month. The register keeps who did it, when and why, and the former close."""
    from orchestration.closing import reopen as reopen_month
    from orchestration.settings import load_settings

    event = reopen_month(load_settings(company, data), month, by or getpass.getuser(), reason)
    typer.echo(f"reopened {month} ({event.closing_code}); aval run publishes it as open")


@command
def closings(company: CompanyOption = None, data: DataOption = None) -> None:
    """List the register of closed months, reopened ones too."""
    from orchestration.closing import register, summary
    from orchestration.settings import load_settings

    items = [summary(item) for item in register(load_settings(company, data))]
    if not items:
        typer.echo("no month has been closed")
        return
    shown = table("Closed months")
    for name in items[0]:
        shown.add_column(name, overflow="fold")
    for item in items:
        shown.add_row(*item.values())
    console().print(shown)


@command
def trace(
    mart: Annotated[str, typer.Argument(metavar="MART", help="mart_sell_in_monthly, or sell_in_monthly.")],
    month: Annotated[str, typer.Option("--month", "-m", help="The month, as 2026-05.")],
    partner: Annotated[str | None, typer.Option("--partner", "-p", help="Only this partner.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="Only this product.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="COLUMN=VALUE", help="Only rows with this value; may be repeated."),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option("--measure", help="Only this column; may be repeated.", show_default="all"),
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Another publication, for example that of a closed month.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", help="How many documents and lines to show.")] = 15,
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", metavar="FILE.xlsx", help="Write all of it as a workbook.")
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Walk from a published figure to the facts, documents, files and rows behind it, with sums."""
    from connectors.errors import ConfigError
    from orchestration.settings import load_settings
    from orchestration.trace import Question, write_trace
    from orchestration.trace import trace as walk_back

    settings = load_settings(company, data)
    columns = {"partner_code": partner, "product_code": product}
    wanted = {name: value for name, value in columns.items() if value is not None}
    for item in only or ():
        name, mark, value = item.partition("=")
        if not mark:
            raise ConfigError("invalid_option", f"--only {item!r} has no '='", "write COLUMN=VALUE")
        wanted[name.strip()] = value.strip()
    found = walk_back(settings, Question(mart, month, wanted, tuple(measure or ())), version)
    if xlsx is not None:
        write_trace(found, xlsx, settings.company.locale)
    out = console()
    out.print(f"publication {found.version}: {found.rows:,} rows of the mart", highlight=False)
    shown = table("Sums at each step")
    for name in ("fact", "measure", "figure", "sum of fact", "of documents", "of lines", "difference"):
        shown.add_column(name, justify="left" if name in ("fact", "measure") else "right")
    for measured in found.sums:
        values = (
            measured.figure,
            measured.in_facts,
            measured.in_documents,
            measured.in_lines,
            measured.difference,
        )
        shown.add_row(
            " + ".join(measured.facts),
            measured.measure,
            *(_figure(value) for value in values),
            style="red" if measured.difference else None,
        )
    out.print(shown)
    if rows > 0:
        for walk in found.walks:
            _show_walk(walk, rows)
    if found.unknown_rows:
        counts = ", ".join(f"{name} ({count:,})" for name, count in found.unknown_rows.items())
        typer.echo(f"not known in rows of the mart, which are left out at each step: {counts}")
    if found.not_traced:
        typer.echo(f"no fact is declared behind: {', '.join(found.not_traced)}")
    if xlsx is not None:
        typer.echo(f"all of it: {xlsx}")
    if not found.agrees:
        typer.echo("a step differs from the figure", err=True)
        raise typer.Exit(1)


@command
def finance_pack(
    month: MonthArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.xlsx", help="Where to write it.", show_default="finance-<month>.xlsx"
        ),
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Another publication, for example that of a closed month.")
    ] = None,
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """Write the month's workbook: the publication's identity, then a sheet for each finance mart there is."""
    from orchestration.pack import write_pack
    from orchestration.settings import load_settings

    path = out or Path(f"finance-{month}.xlsx")
    pack = write_pack(load_settings(company, data), month, path, version)
    for title, count in pack.sheets.items():
        typer.echo(f"{title}: {count:,} rows")
    typer.echo(str(pack.path))
    wrong = [check for check in pack.checks if check.difference]
    for check in wrong:
        typer.echo(f"{check.sheet}, {check.column}: {check.difference} from the mart", err=True)
    if wrong:
        raise typer.Exit(1)


def _figure(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"


def _show_walk(walk: Walk, rows: int) -> None:
    out = console()
    measures = walk.measures[:4]
    shown = table(f"{walk.source.fact}: documents ({len(walk.documents):,})")
    _columns(shown, ("document", *walk.source.rule, "rows"), measures)
    for document, rules, count, amounts in walk.documents[:rows]:
        shown.add_row(document, *rules, f"{count:,}", *(_figure(value) for value in amounts[:4]))
    out.print(shown)
    shown = table(f"{walk.source.fact}: lines ({len(walk.lines):,})")
    _columns(shown, ("document", "line", "source", "row", "message", "landed at (UTC)", "original"), measures)
    for item in walk.lines[:rows]:
        shown.add_row(
            item.document,
            item.line or "",
            item.source_file or "",
            "" if item.source_row is None else str(item.source_row),
            item.message or "",
            item.landed_at or "",
            item.original or "",
            *(_figure(value) for value in item.amounts[:4]),
        )
    out.print(shown)
    if walk.source.rule_file:
        typer.echo(f"rules: {walk.source.rule_file}")


def _columns(shown: Any, texts: Sequence[str], measures: Sequence[str]) -> None:
    for name in texts:
        shown.add_column(name, overflow="fold")
    for name in measures:
        shown.add_column(name, justify="right", overflow="fold")
