"""The run and what is published: `aval demo`, `run` and `publish`.

What belongs here: commands and how a run looks. What does not: the work (`orchestration.run`, `.summary`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    from orchestration.alerts import Count
    from orchestration.plan import Options, Sent
    from orchestration.settings import Settings
    from orchestration.summary import Summary


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for function in (demo, run, publish):
        app.command(epilog=EXIT_CODES)(function)


@command
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


@command
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
            help="Accept that posted documents, or all rows of an entity, have vanished from the ERP.",
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


@command
def publish(company: CompanyOption = None, data: DataOption = None) -> None:
    """Publish the warehouse as it is. It is judged first, unless the gates have passed exactly this file."""
    from orchestration.publish import Publication
    from orchestration.run import lone_publication
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    with working("publishing"):
        for done in lone_publication(settings):
            if isinstance(done, Publication):
                typer.echo(f"published {done.version}: {done.path} ({_size(done.bytes)})")
            else:
                typer.echo(f"PostgreSQL: {_replaced(done)}")


def _run(settings: Settings, options: Options, *, with_figures: bool) -> None:
    from orchestration import summary
    from orchestration.run import execute

    earlier = summary.before(settings)
    with _progress(1 if settings.company.publish.postgresql else 0):
        outcome = execute(settings, options)
    done = summary.summarize(settings, earlier, outcome)
    _show(settings, done, with_figures=with_figures)
    if outcome.exit_code:
        raise typer.Exit(int(outcome.exit_code))


def _show(settings: Settings, done: Summary, *, with_figures: bool) -> None:
    from rich.text import Text

    from orchestration.run import what_stays

    out = console()
    out.print()
    company = settings.company
    out.print(Text.assemble((company.company.name, "bold"), f", as of {done.day}"))
    shown = table(None)
    shown.add_column("what")
    shown.add_column("figure", overflow="fold")
    shown.add_row("ERP rows landed", f"{done.erp_rows:,} in {several(done.erp_extracts, 'extract')}")
    shown.add_row(
        "Reports accepted",
        f"{several(done.files_accepted, 'file')}, {done.rows_accepted:,} of {several(done.rows_read, 'row')}",
    )
    shown.add_row(
        "Rows in quarantine",
        f"{several(done.rows_quarantined, 'row')} in {several(done.files_with_quarantine, 'file')}",
    )
    shown.add_row(
        "Reports superseded",
        f"{several(done.files_superseding, 'file')}, {several(done.rows_superseded, 'row')}",
    )
    shown.add_row("Files rejected", str(done.files_rejected))
    shown.add_row("Files sent twice", str(done.files_duplicate))
    shown.add_row(
        "Reports missing", f"{len(done.missing)}" + (f": {listed(done.missing)}" if done.missing else "")
    )
    for gate in done.gates:
        counts = (
            f", {gate.checks} expectations on {gate.scope} data, "
            f"{gate.failed} failed, {gate.warnings} warning{'' if gate.warnings == 1 else 's'}"
        )
        state = "open" if gate.passed else ("CLOSED", "red")
        shown.add_row(f"Gate {gate.gate}", Text.assemble(state, counts))
    if not done.gates:
        shown.add_row("Gates", "not run" if done.outcome.failures else "not run: nothing new")
    if done.plan is not None and done.plan.is_needed:
        shown.add_row("Why it was built", "; ".join(done.plan.reasons))
    shown.add_row("Published", _publication_line(done))
    if settings.company.publish.postgresql is not None:
        shown.add_row("PostgreSQL", _sent_line(done))
    if done.alerts is not None:
        shown.add_row("Alerts", _alerts_line(done.alerts, done.is_new_version))
    out.print(shown)
    warned = [(gate.gate, text) for gate in done.gates for text in gate.warned]
    if warned:
        shown = table("What the gates warn of")
        for name in ("gate", "what, and what to do"):
            shown.add_column(name, overflow="fold")
        for row in warned[:20]:
            shown.add_row(*row)
        out.print(shown)
        if len(warned) > 20:
            out.print(f"… and {len(warned) - 20} more: {settings.paths.quality / 'docs' / 'index.html'}")
    if done.notes:
        shown = table("Files to know of")
        for name in ("file", "feed", "what", "why"):
            shown.add_column(name, overflow="fold")
        for note in done.notes[:20]:
            shown.add_row(note.file_name, note.feed_code, note.what, note.why)
        out.print(shown)
        if len(done.notes) > 20:
            out.print(f"… and {len(done.notes) - 20} more: aval feeds status --files {len(done.notes)}")
    if with_figures and done.published and not done.outcome.failures:
        from orchestration.figures import telling_figures

        shown = table("What the marts say")
        shown.add_column("figure")
        shown.add_column("value", justify="right")
        shown.add_column("from")
        for figure in telling_figures(settings.current, settings.company.currency):
            shown.add_row(figure.name, figure.value, figure.source)
        out.print(shown)
    for failure in done.outcome.failures:
        out.print(Text.assemble(("failed", "red"), f" {failure.step}"))
        out.print(failure.reason, highlight=False)
    if done.outcome.failures:
        stays = what_stays(is_published=done.outcome.published)
        out.print(f"{stays[:1].upper()}{stays[1:]}.")
    elif with_figures:
        for place, what in (
            (settings.current, "published tables; any DuckDB client, read-only"),
            (settings.paths.published / "parquet" / "current", "marts and dimensions as Parquet"),
            (settings.paths.quality / "docs" / "index.html", "what the gates checked"),
            ("aval dashboard", "the same figures as pages in your browser"),
            ("aval alerts", "what needs attention, the most urgent first"),
            ("aval feeds status", "what each partner sent, and what is missing"),
            ("aval dev", "Dagster's page: from which source every figure comes"),
        ):
            out.print(Text.assemble(f"  {place}  ", (what, "dim")), soft_wrap=True)


def _publication_line(done: Summary) -> str:
    if done.published is None:
        return "nothing yet"
    if done.is_new_version:
        return f"version {done.published.version}"
    if done.outcome.failures:
        return f"unchanged, still version {done.published.version}"
    return f"nothing new, still version {done.published.version}"


def _sent_line(done: Summary) -> str:
    if done.sent is None:
        return "nothing yet"
    is_newest = done.published is not None and done.published.version == done.sent.version
    if done.outcome.published and is_newest:
        return f"version {done.sent.version}, {_replaced(done.sent)}"
    return f"still version {done.sent.version}"


def _replaced(sent: Sent) -> str:
    return f"{several(sent.rows, 'row')} of {several(sent.tables, 'table')} replaced"


def _alerts_line(alerts: Count, is_new_publication: bool) -> str:
    news = f", {alerts.new:,} of them new" if is_new_publication and alerts.new is not None else ""
    return f"{alerts.open:,} open{news}: aval alerts"


def _make_sample(source: Path) -> None:
    """Write the sample company's ERP and inbox; aside first, so that half of it is never taken for all."""
    import shutil

    from connectors.sample import generate

    aside = source.with_name(".source.part")
    shutil.rmtree(aside, ignore_errors=True)
    with working("making the sample company"):
        generate(aside)
    shutil.rmtree(source, ignore_errors=True)
    aside.rename(source)


def _size(count: int) -> str:
    return f"{count / 1024**2:,.1f} MiB"


@contextmanager
def _progress(more_steps: int) -> Iterator[None]:
    """The run's steps as a bar for a person; as plain lines with the time in a log."""
    from orchestration.console import STEPS, Lines, Steps, listen

    if not sys.stderr.isatty():
        stop = listen(Lines())
        try:
            yield
        finally:
            stop()
        return
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
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("starting", total=STEPS + more_steps)
        steps = Steps(
            lambda done, text: bar.update(task, completed=done, description=text[:60]),
            lambda text: bar.console.print(text, highlight=False),
        )
        stop = listen(steps)
        try:
            yield
        finally:
            stop()
