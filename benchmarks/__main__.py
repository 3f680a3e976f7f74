"""`python -m benchmarks`: generate, run, compare, and write the ratios to docs/benchmarks.md.

What belongs here: the order of the measurements and the report. How a command is measured stands in
`measure`, what is measured in `history`, `floor` and `with_pandas`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.compare import Difference, differences, totals_of_database, totals_of_folder
from benchmarks.history import Shape, add_week, as_of, generate
from benchmarks.measure import Cost, run

TINY: Final = {"lines": 40, "weeks": 5, "partners": 2}
"""A history so small that a run of it costs the start-up of its parts and nothing else."""

SHAPE_OPTIONS: Final = {
    "weeks": "weeks that are reported",
    "partners": "partners that report",
    "products": "products that they sell",
}
"""Options of the history beside its lines: stock is counted by partner, product and week."""


@dataclass(frozen=True)
class Site:
    """Where one history lies, and the three ways to compute its figures."""

    folder: Path
    shape: Shape

    @property
    def company(self) -> Path:
        return self.folder / "company"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def published(self) -> Path:
        return (self.data / "published" / "current.duckdb").resolve()

    def run_aval(self, day: date, *options: str) -> Cost:
        command = [sys.executable, "-c", "from orchestration.cli import app; app()", "run", *options]
        return run(
            [*command, "--company", self.company],
            {"AVAL_DATA": str(self.data), "BENCHMARK_AS_OF": day.isoformat()},
        )

    def run_script(self, module: str, target: Path, day: date) -> Cost:
        command = [
            sys.executable,
            "-m",
            f"benchmarks.{module}",
            self.company,
            self.data,
            target,
            day.isoformat(),
        ]
        return run(command)


def measure(folder: Path, shape: Shape, *, with_pandas: bool, tenfold: bool) -> report.Results:
    """All measurements of one shape, and what the computations disagree on."""
    costs: dict[str, Cost] = {}
    wrong: list[Difference] = []

    with history(folder / "tiny", Shape(**TINY)) as tiny:
        say("start-up of each, on a history of 40 lines")
        costs["floor, start-up"] = tiny.run_script("floor", tiny.folder / "floor.duckdb", as_of())
        if with_pandas:
            costs["pandas, start-up"] = tiny.run_script("with_pandas", tiny.folder / "pandas", as_of())
        costs["full, start-up"] = tiny.run_aval(as_of())
        add_week(tiny.company, tiny.data, tiny.shape)
        costs["increment, start-up"] = tiny.run_aval(as_of(1))

    with history(folder / "base", shape) as base:
        say(f"full load of {shape.actual_lines:,} lines")
        floor, frames = base.folder / "floor.duckdb", base.folder / "pandas"
        costs["floor"] = base.run_script("floor", floor, as_of())
        if with_pandas:
            costs["pandas"] = base.run_script("with_pandas", frames, as_of())
        costs["full"] = base.run_aval(as_of())
        expected = totals_of_database(floor)
        wrong += differences(expected, totals_of_database(base.published))
        if with_pandas:
            wrong += differences(expected, totals_of_folder(frames))
        say("nothing new")
        costs["nothing new"] = base.run_aval(as_of())
        say("one more week of every partner")
        add_week(base.company, base.data, shape)
        costs["increment"] = base.run_aval(as_of(1))
        costs["floor, one week more"] = base.run_script("floor", floor, as_of(1))
        wrong += differences(totals_of_database(floor), totals_of_database(base.published))

    if tenfold:
        longer = replace(shape, lines=shape.lines * 10, weeks=shape.weeks * 10)
        with history(folder / "tenfold", longer) as long:
            say(f"the same week on a history of {longer.actual_lines:,} lines")
            costs["tenfold, full"] = long.run_aval(as_of())
            add_week(long.company, long.data, longer)
            costs["tenfold, increment"] = long.run_aval(as_of(1))
            costs["tenfold, floor"] = long.run_script("floor", long.folder / "floor.duckdb", as_of(1))
            wrong += differences(
                totals_of_database(long.folder / "floor.duckdb"), totals_of_database(long.published)
            )
    return report.Results(shape, costs, [str(difference) for difference in wrong])


@contextmanager
def history(folder: Path, shape: Shape) -> Iterator[Site]:
    """A generated history, removed afterwards: one of 100 M lines takes tens of gigabytes."""
    shutil.rmtree(folder, ignore_errors=True)
    site = Site(folder, shape)
    say(f"generating {shape.actual_lines:,} lines in {shape.weeks * shape.partners:,} reports")
    generate(site.company, site.data, shape)
    try:
        yield site
    finally:
        shutil.rmtree(folder)


def say(what: str) -> None:
    print(f"-- {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000, help="sell-out lines (default 1,000,000)")
    for name, of_one in SHAPE_OPTIONS.items():
        default = getattr(Shape, name)
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{of_one} (default {default})")
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks"), help="where to work")
    parser.add_argument("--no-pandas", action="store_true", help="leave pandas out, for sizes it cannot hold")
    parser.add_argument(
        "--no-tenfold", action="store_true", help="leave the increment on ten times the history out"
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=Path("docs/benchmarks.md"),
        help="page whose section of this size is rewritten",
    )
    arguments = parser.parse_args()
    results = measure(
        arguments.folder.resolve(),
        Shape(arguments.lines, **{name: getattr(arguments, name) for name in SHAPE_OPTIONS}),
        with_pandas=not arguments.no_pandas,
        tenfold=not arguments.no_tenfold,
    )
    print(results.as_markdown())
    report.write(arguments.page, results)
    print(f"written to {arguments.page}")
    if results.differences:
        sys.exit(1)


if __name__ == "__main__":
    main()
