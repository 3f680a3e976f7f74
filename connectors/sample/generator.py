"""Making the sample company: simulate, write documents, database, rates, ledger export, inbox, answer key.

What belongs here: the order of the work, and files. What is traded and reported is worked out in the
modules beside.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from connectors.sample import answer_key, budget, erp, ledger_export, rates, sources
from connectors.sample.cast import START
from connectors.sample.catalogue import Listings, Product, build_listings, build_products
from connectors.sample.documents import Documents, build_documents
from connectors.sample.programmes import Programmes, build_programmes
from connectors.sample.quiet import nothing_planted
from connectors.sample.reports import Report, World, build_reports, build_world
from connectors.sample.sources import Sources
from connectors.sample.trade import Trade, simulate

SEED: Final = 20240701
AS_OF: Final = date(2026, 6, 30)
EARLIEST: Final = START + timedelta(days=14)

Progress = Callable[[str, float], None]
"""Called with the step and the share of it that is done, 0 to 1."""


@dataclass(frozen=True)
class Sample:
    """A sample company on disk."""

    target: Path
    seed: int
    as_of: date
    erp_url: str
    files: int

    @property
    def erp(self) -> Path:
        return self.target / "erp.sqlite"

    @property
    def inbox(self) -> Path:
        return self.target / "inbox"

    @property
    def answer_key(self) -> Path:
        return self.target / "answer_key.json"


@dataclass(frozen=True)
class Simulation:
    """The sample company in memory."""

    seed: int
    as_of: date
    products: tuple[Product, ...]
    listings: Listings
    trade: Trade
    documents: Documents
    programmes: Programmes
    world: World
    sources: Sources


def build(seed: int, as_of: date, progress: Progress | None = None) -> Simulation:
    """Work out all that happens up to the end of `as_of`; ValueError if that is too early for a history."""
    if as_of < EARLIEST:
        raise ValueError(f"as_of is {as_of}; expected {EARLIEST} or later, for the history begins on {START}")
    products = build_products(seed)
    listings = build_listings(seed, products)
    trade = simulate(seed, as_of, products, listings, _step(progress, "trade"))
    documents = build_documents(seed, as_of, products, listings, trade)
    programmes = build_programmes(seed, as_of, products, listings, trade, documents)
    exchange = rates.build_rates(seed, as_of)
    world = build_world(seed, as_of, products, listings, trade, documents.price, exchange)
    beside = sources.build_sources(seed, as_of, products, listings)
    return Simulation(seed, as_of, products, listings, trade, documents, programmes, world, beside)


def generate(
    target: Path,
    *,
    seed: int = SEED,
    as_of: date = AS_OF,
    url: str | None = None,
    progress: Progress | None = None,
    is_quiet: bool = False,
) -> Sample:
    """Write the sample company below `target`; what an earlier call left there is replaced.

    The ERP goes to `target/erp.sqlite`, or to the database at `url`. Everything is the same for the same
    `seed` and `as_of`; a later `as_of` gives the same history and more. `is_quiet` leaves out what is
    planted, and the answer key with it.
    """
    if is_quiet:
        with nothing_planted():
            return _write(target, seed, as_of, url, progress, has_key=False)
    return _write(target, seed, as_of, url, progress, has_key=True)


def _write(
    target: Path, seed: int, as_of: date, url: str | None, progress: Progress | None, *, has_key: bool
) -> Sample:
    simulation = build(seed, as_of, progress)
    target.mkdir(parents=True, exist_ok=True)
    for name in ("inbox", "ledger"):
        shutil.rmtree(target / name, ignore_errors=True)
    if url is None:
        (target / "erp.sqlite").unlink(missing_ok=True)
    address = url or erp.sqlite_url(target / "erp.sqlite")
    erp.fill(
        address,
        simulation.products,
        simulation.listings,
        simulation.documents,
        simulation.programmes,
        as_of,
        _step(progress, "erp"),
    )
    reports = list(build_reports(simulation.world, _step(progress, "reports")))
    for report in reports:
        deliver(target / "inbox", report)
    write_books(target, simulation, reports, has_key=has_key)
    return Sample(target, seed, as_of, address, len(reports))


def write_books(
    target: Path, simulation: Simulation, reports: Sequence[Report], *, has_key: bool = True
) -> None:
    """Write exchange rates, the ledger export, the budget, the sources beside the ERP and the answer key."""
    rates.write(target / rates.FILE_NAME, simulation.world.rates)
    budget.write(
        target / "budget.csv",
        budget.budget(simulation.seed, simulation.products, simulation.listings, simulation.documents),
    )
    exports, differences = ledger_export.build_exports(
        simulation.products,
        simulation.listings,
        simulation.documents,
        simulation.programmes,
        simulation.as_of,
    )
    ledger_export.write(target / "ledger", exports)
    sources.write(target / "sources", simulation.sources)
    if not has_key:
        (target / "answer_key.json").unlink(missing_ok=True)
        return
    key = answer_key.build_key(
        simulation.world,
        simulation.documents,
        simulation.programmes,
        reports,
        exports,
        differences,
        simulation.sources,
    )
    answer_key.write(target / "answer_key.json", key)


def deliver(inbox: Path, report: Report) -> Path:
    """Put a report into the inbox as if it had arrived when it did."""
    path = inbox / report.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(report.content)
    moment = int(report.delivered.timestamp())
    os.utime(path, (moment, moment))
    return path


def _step(progress: Progress | None, name: str) -> Callable[[float], None] | None:
    if progress is None:
        return None

    def forward(share: float) -> None:
        progress(name, share)

    return forward
