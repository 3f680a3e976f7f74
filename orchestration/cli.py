"""The command line `aval`.

What belongs here: how the groups of commands come together, and commands that are about the installation.
What does not: the other commands (`cli_run`, `cli_feeds`, …), and doing the work. Everything heavy is
imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration import (
    cli_alerts,
    cli_archive,
    cli_feeds,
    cli_finance,
    cli_match,
    cli_notices,
    cli_partner,
    cli_privacy,
    cli_quarantine,
    cli_run,
    cli_scorecard,
    cli_sources,
)
from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, working

app = typer.Typer(
    name="aval",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Aval, the channel warehouse: from ERP and partners' reports to gated, published marts.\n\n"
    "The company directory is --company or AVAL_COMPANY (default examples/demo); what Aval writes goes to "
    "--data or AVAL_DATA (default var/<company>).",
    epilog=EXIT_CODES,
)
cli_run.add_to(app)


@app.command(epilog=EXIT_CODES)
@command
def doctor(company: CompanyOption = None, data: DataOption = None) -> None:
    """Check that this machine and this company directory have what a run needs."""
    from rich.text import Text

    from orchestration.doctor import examine
    from orchestration.run import ExitCode

    findings = examine(company, data)
    out = console()
    for finding in findings:
        mark = ("ok     ", "green") if finding.is_ok else ("problem", "red")
        out.print(Text.assemble(mark, f" {finding.what}: {finding.found}"))
        if not finding.is_ok:
            out.print(f"        -> {finding.remedy}", highlight=False)
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(
            int(
                ExitCode.WRONG_USE if any(f.is_setting and not f.is_ok for f in findings) else ExitCode.FAILED
            )
        )


@app.command()
@command
def dev(
    company: CompanyOption = None,
    data: DataOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web page.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open Dagster's web page on this company: assets, runs, checks, schedule and sensor."""
    import os
    import signal

    from orchestration.dbt import prepare_manifest
    from orchestration.run import prepare_home
    from orchestration.settings import ROOT, load_settings

    settings = load_settings(company, data)
    _refuse_taken(host, port)
    with working("preparing the models"):
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
    # Dagster takes SIGTERM as it takes Ctrl-C, which a shell lets everything ignore that it starts by `&`.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(  # noqa: S606 - Dagster of this environment takes this process's place
        dagster, [dagster, "dev", "-m", "orchestration.definitions", "-h", host, "-p", str(port)], environment
    )


@app.command()
@command
def dashboard(
    company: CompanyOption = None,
    data: DataOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the pages.")] = 8501,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open pages on what is published: network, partner, stock, margin, alerts."""
    import os

    from orchestration.publish import published_file
    from orchestration.settings import ROOT, load_settings

    settings = load_settings(company, data)
    published_file(settings.paths.published)
    _refuse_taken(host, port)
    environment = {
        **os.environ,
        "AVAL_COMPANY": str(settings.paths.company),
        "AVAL_DATA": str(settings.paths.data),
    }
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "runner.magicEnabled": "false",
        "theme.primaryColor": "#2166ac",
    }
    typer.echo(f"Pages of {settings.company.company.name}: http://{host}:{port} (stop with Ctrl-C)")
    streamlit = str(Path(sys.executable).with_name("streamlit"))
    arguments = [f"--{name}={value}" for name, value in options.items()]
    os.execve(  # noqa: S606 - Streamlit of this environment takes this process's place
        streamlit, [streamlit, "run", str(ROOT / "dashboards" / "app.py"), *arguments], environment
    )


def _refuse_taken(host: str, port: int) -> None:
    """ConfigError if the page could not be served: Dagster goes on without it, at an address of another."""
    import socket

    from connectors.errors import ConfigError

    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise ConfigError(
            "address", f"the page cannot be served: {error.strerror}", "name another --host or --port"
        ) from error


@app.command()
@command
def docs(company: CompanyOption = None, data: DataOption = None) -> None:
    """Write the documentation of all models as one page, var/docs/index.html."""
    from orchestration.dbt import write_docs
    from orchestration.settings import ROOT, load_settings

    settings = load_settings(company, data)
    with working("writing the documentation"):
        page = write_docs(settings, ROOT / "var" / "docs")
    typer.echo(f"documentation: {page}")


@app.command()
def version() -> None:
    """Say which version this is."""
    from orchestration.settings import code_version

    typer.echo(f"aval {code_version()}")


cli_finance.add_to(app)
cli_notices.add_to(app)
cli_partner.add_to(app)
cli_scorecard.add_to(app)
app.add_typer(cli_feeds.app, name="feeds")
app.add_typer(cli_alerts.app, name="alerts")
app.add_typer(cli_sources.app, name="sources")
app.add_typer(cli_archive.app, name="archive")
app.add_typer(cli_match.app, name="match")
app.add_typer(cli_quarantine.app, name="quarantine")
app.add_typer(cli_privacy.app, name="privacy")

if __name__ == "__main__":
    app()
