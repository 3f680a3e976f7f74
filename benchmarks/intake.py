"""The intake alone: `python -m benchmarks.intake COMPANY DATA` takes in an inbox and says what it cost.

`--floor` reads the same files with the floor's own statements instead, where the company is one of
`benchmarks.history`. Each is a process of its own, so that neither warms the other's caches nor raises its
peak of memory. What belongs here: processor time and memory of taking reports in. What does not: a whole
run (`benchmarks.__main__`).
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks.floor import READ_REPORTS
from benchmarks.history import as_of
from connectors.company import Paths, load_company
from connectors.feeds.intake.run import take_in
from connectors.feeds.profile import load_profiles
from connectors.landing import write_schemas
from connectors.ledger import Ledger


def take(company: Path, data: Path) -> str:
    """Take in the inbox; says how many files came to which state."""
    os.environ.setdefault("BENCHMARK_AS_OF", as_of().isoformat())
    paths = Paths(company, data)
    settings, profiles = load_company(paths), load_profiles(company / "feeds")
    write_schemas(paths.landing)
    with Ledger(paths.ledger) as ledger:
        summary = take_in(paths, settings, profiles, ledger, now=datetime.now(UTC))
    rows = sum(outcome.rows_read for outcome in summary.files)
    return f"{summary.counts}, {rows:,} rows"


def read_as_floor(company: Path, data: Path) -> str:
    """Read the same files into tables, as `benchmarks.floor` does."""
    database = data / "floor_reading.duckdb"
    database.unlink(missing_ok=True)
    with duckdb.connect(database, config={"threads": 2}) as connection:
        connection.execute(READ_REPORTS.format(inbox=data / "inbox", feeds=company / "feeds"))
        (rows,) = connection.execute(
            "select (select count(*) from english) + (select count(*) from french)"
            " + (select count(*) from stock_reports)"
        ).fetchone() or (0,)
    database.unlink()
    return f"{rows:,} rows"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake", description=__doc__.splitlines()[0])
    parser.add_argument("company", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--floor", action="store_true", help="read the files as the floor does")
    arguments = parser.parse_args()
    company, data = arguments.company.resolve(), arguments.data.resolve()
    start, used = time.perf_counter(), _used()
    done = read_as_floor(company, data) if arguments.floor else take(company, data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{'floor' if arguments.floor else 'intake'}: {done}; {_used() - used:.1f} s of processor, "
        f"{time.perf_counter() - start:.1f} s by the clock, {peak:.2f} GiB at most"
    )


def _used() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usage)


if __name__ == "__main__":
    main()
