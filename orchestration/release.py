"""Releasing a warehouse: make sure that the gates have passed exactly this file, then publish it.

The one way to a publication, for the job and for `aval publish` alike, so that neither can bypass the
gates. What does not belong here: how a version is written and switched (`orchestration.publish`), and brought
to PostgreSQL (`orchestration.postgresql`).
"""

from __future__ import annotations

from datetime import date

import duckdb

from connectors.closing import pinned_publications
from connectors.errors import AvalError
from connectors.ledger import Ledger
from orchestration import plan
from orchestration.closing import book_changes
from orchestration.feeds_status import all_feeds, coverage
from orchestration.publish import (
    GateOutcome,
    Progress,
    Publication,
    checkpoint,
    newest_version,
    publish,
    published_file,
    standing,
)
from orchestration.settings import Settings, code_version, file_fingerprint


class GateClosed(AvalError):
    """A gate does not let the warehouse through; nothing is published."""


def release(
    settings: Settings, ledger: Ledger, run_id: str, *, progress: Progress | None = None
) -> Publication:
    """Publish the warehouse; GateClosed if it does not pass. Where nothing is new but for PostgreSQL, what is
    published stands.

    The verdict of a run counts for exactly the file that it saw. Any other file is judged here, as a whole.
    """
    warehouse = settings.paths.warehouse
    if not warehouse.is_file():
        raise AvalError("no_warehouse", f"there is no warehouse at {warehouse}", "run `aval run` first")
    decided = plan.read_plan(ledger)
    validated = plan.read_validated(ledger)
    is_known = validated is not None and validated.warehouse == file_fingerprint(warehouse)
    outcomes = validated.outcomes if validated is not None and is_known else judge(settings, run_id, progress)
    # Nothing of a warehouse put there by hand, or that an earlier run built: a later one has landed more.
    is_of_plan = decided is not None and validated is not None and validated.plan == decided.run_id
    built_by = decided if is_known and is_of_plan else None
    # Published on a later day it still says what it said when it was built.
    as_of = date.fromisoformat(built_by.as_of) if built_by and built_by.as_of else settings.company.today()
    checkpoint(warehouse)
    newest = _newest_dates(settings)
    # Before the publication: what readers see as booked has landed, whatever kills this process.
    book_changes(settings, ledger)
    published = settings.paths.published
    former = newest_version(published)
    if built_by and built_by.only_sends and built_by.run_id == run_id and former:
        publication = standing(published, former)
    else:
        publication = publish(
            warehouse,
            published,
            run_id=run_id,
            code_version=f"{code_version()}+{settings.code()}",
            as_of=as_of,
            gates=outcomes,
            coverage=coverage(all_feeds(settings.profiles, ledger, as_of, settings.company.zone), *newest),
            keep=settings.company.publish.keep,
            parquet=settings.company.publish.parquet,
            pinned=pinned_publications(settings.paths.landing, ledger),
            progress=progress,
        )
    # Only a run that built from the pending slices has published them.
    if built_by is not None:
        plan.save_published(
            ledger,
            plan.Published(
                publication.version,
                file_fingerprint(warehouse) or "",
                settings.code(),
                settings.model_code(),
                built_by.as_of,
                built_by.landing,
                built_by.sources,
            ),
        )
        ledger.clear_pending(built_by.pending_sequence)
    return publication


def send(settings: Settings, ledger: Ledger, *, progress: Progress | None = None) -> plan.Sent | None:
    """Bring what is published to PostgreSQL; None where the company wants none there. AvalError if it fails.

    What readers of the file have stays; the next run tries again.
    """
    from orchestration import postgresql

    target = settings.company.publish.postgresql
    if target is None:
        return None
    published = settings.paths.published
    file = published_file(published, newest_version(published))
    sent = postgresql.send(target, settings.company.company.code, file, progress)
    plan.save_sent(ledger, sent)
    return sent


def judge(settings: Settings, run_id: str, progress: Progress | None = None) -> list[GateOutcome]:
    """Judge core and marts of the warehouse as a whole; GateClosed if one is closed."""
    from orchestration.gates import outcome, run_gate

    outcomes = []
    for gate in ("core", "marts"):
        verdict = run_gate(settings, gate, "all", run_id)
        if progress:
            progress(verdict.explain())
        if not verdict.passed:
            raise GateClosed(
                "gate_closed", verdict.explain(), "mend what the gate says; nothing was published"
            )
        outcomes.append(outcome(verdict, "all"))
    return outcomes


def _newest_dates(settings: Settings) -> tuple[date | None, date | None]:
    with duckdb.connect(str(settings.paths.warehouse), read_only=True) as connection:
        row = connection.execute(
            "select (select max(invoice_date) from core.fct_sell_in), "
            "(select max(sale_date) from core.fct_sell_out_lines)"
        ).fetchone()
    return row if row else (None, None)
