"""Sources beside ERP and reports: `aval sources`.

What belongs here: commands and how results look. What does not: reading sources (`connectors.sources`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli_shared import EXIT_CODES, CompanyOption, DataOption, command, console, table

app = typer.Typer(
    no_args_is_help=True, help="Surveys, tickets, trainings, shops, CRM: how they stand, rows in quarantine."
)


@app.command("status", epilog=EXIT_CODES)
@command
def status(company: CompanyOption = None, data: DataOption = None) -> None:
    """Show each source: connected or not, when it was read, rows in quarantine, why it could not be read."""
    from connectors.contract import CRM_ENTITIES, SOURCE_ENTITIES
    from connectors.ledger import Ledger
    from connectors.sources.intake import standing
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    connected = {str(name): source for name, source in settings.company.sources.items()}
    shown = table("Sources")
    for name in ("entity", "from", "last read", "rows in quarantine", "not read because"):
        shown.add_column(name, overflow="fold")
    with Ledger(settings.paths.ledger) as ledger:
        for name in (*(entity.name for entity in SOURCE_ENTITIES), *CRM_ENTITIES):
            source = connected.get(name)
            if source is None:
                shown.add_row(name, "of the ERP" if name in CRM_ENTITIES else "not connected", "", "", "")
                continue
            state = standing(ledger, name)
            shown.add_row(
                name,
                source.kind,
                (state.read_at or "never")[:16].replace("T", " "),
                str(state.rows_held),
                state.failure or "",
            )
    console().print(shown)


@app.command("faults", epilog=EXIT_CODES)
@command
def faults(
    entity: Annotated[str, typer.Argument(help="The entity, as company.yml calls it.")],
    company: CompanyOption = None,
    data: DataOption = None,
) -> None:
    """List the rows of a source that its newest reading held back: row, column, value, why, what to do."""
    from connectors.errors import ConfigError
    from connectors.ledger import Ledger
    from connectors.sources.intake import held_back
    from orchestration.settings import load_settings

    settings = load_settings(company, data)
    if entity not in settings.company.sources:
        raise ConfigError(
            "unknown_source",
            f"no source brings {entity!r}",
            f"one of: {', '.join(settings.company.sources) or 'none is connected'}",
        )
    shown = table(f"{entity}: rows in quarantine")
    for name in ("file or page", "row", "column", "value", "why, and what to do"):
        shown.add_column(name, overflow="fold")
    with Ledger(settings.paths.ledger) as ledger:
        for fault in held_back(settings.paths, ledger, entity):
            shown.add_row(
                fault.source_file,
                str(fault.source_row),
                fault.column_name or "",
                fault.value or "",
                fault.reason,
            )
    console().print(shown)
