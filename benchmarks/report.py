"""From measured costs to ratios, targets met or missed, and a section of docs/benchmarks.md.

What belongs here: the arithmetic of ratios and the writing. The page's other text is kept as people wrote it.
"""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from benchmarks.history import Shape
from benchmarks.measure import Cost

VERSIONS: Final = ("duckdb", "dbt-core", "dbt-duckdb", "dagster", "great-expectations", "dlt", "pandas")
COMMENTARY: Final = "## What the misses say"
"""The heading behind the measured sections."""

ENOUGH_FOR_PANDAS: Final = 19_900_000
"""Lines from which on a run is held against pandas: 20 million, less what 20 partners do not share evenly."""
VERDICTS: Final = {True: "met", False: "**missed**", None: "not judged at this size"}
START_UPS: Final = {
    "floor": "floor, start-up",
    "pandas": "pandas, start-up",
    "full": "full, start-up",
    "increment": "increment, start-up",
    "tenfold, increment": "increment, start-up",
}
"""Which measurement holds the fixed cost of which."""


@dataclass(frozen=True)
class Ratio:
    """One line of the report: a ratio or figure as run, the same without start-up, and the target.

    `is_met` is None where the target is set for more lines than these.
    """

    what: str
    figure: str
    target: str
    is_met: bool | None
    without_start_up: str = ""
    in_processor_time: str = ""


@dataclass(frozen=True)
class Results:
    """Costs by name of one run of the benchmark, and the figures on which the computations disagree."""

    shape: Shape
    costs: dict[str, Cost]
    differences: list[str]

    def ratios(self) -> list[Ratio]:
        found = [
            self._ratio("full load / floor", ("full", "floor"), "<= 2.0", 2.0),
            self._ratio("increment / full load", ("increment", "full"), "<= 0.05", 0.05),
        ]
        if "tenfold, increment" in self.costs:
            what = "increment on ten times the history / increment"
            found.append(self._ratio(what, ("tenfold, increment", "increment"), "<= 1.3", 1.3))
        quiet = self.costs["nothing new"].seconds
        found.append(Ratio("nothing new", f"{quiet:.1f} s", "<= 20 s", quiet <= 20))
        peak = self.costs["full"].peak_gib
        found.append(
            Ratio("peak memory of the full load", f"{peak:.2f} GiB", "<= 8 GiB at 100 M lines", peak <= 8)
        )
        if "pandas" in self.costs:
            time = self._ratio("full load / pandas", ("full", "pandas"), "<= 1 at 20 M lines", 1.0)
            share = peak / self.costs["pandas"].peak_gib
            memory = Ratio(
                "memory of the full load / pandas", _short(share), "<= 0.5 at 20 M lines", share <= 0.5
            )
            is_judged = self.shape.actual_lines >= ENOUGH_FOR_PANDAS
            found += [each if is_judged else replace(each, is_met=None) for each in (time, memory)]
        return found

    def _ratio(self, what: str, names: tuple[str, str], target: str, limit: float) -> Ratio:
        upper, lower = (self.costs[name] for name in names)
        upper_start, lower_start = (self.costs[START_UPS[name]] for name in names)
        value = upper.seconds / lower.seconds
        return Ratio(
            what,
            _short(value),
            target,
            value <= limit,
            _short(_net(upper.seconds, upper_start.seconds) / _net(lower.seconds, lower_start.seconds)),
            _short(
                _net(upper.processor_seconds, upper_start.processor_seconds)
                / _net(lower.processor_seconds, lower_start.processor_seconds)
            ),
        )

    @property
    def title(self) -> str:
        """Heading of the section: the lines, and what else of the shape is not the default."""
        lines = f"{self.shape.actual_lines:,} lines"
        if self.shape == Shape(self.shape.lines):
            return lines
        return (
            f"{lines}, {self.shape.partners:,} partners, {self.shape.products:,} products, "
            f"{self.shape.weeks:,} weeks"
        )

    def as_markdown(self) -> str:
        """The section of the page for this size."""
        shape = self.shape
        lines = [
            f"## {self.title}",
            "",
            f"{shape.weeks * shape.partners:,} sell-out reports of {shape.partners} partners and "
            f"{shape.weeks} weeks, "
            f"{shape.lines_per_report:,} lines each; {shape.products:,} products.",
            f"{datetime.now(UTC):%Y-%m-%d}, {machine()}.",
            f"Python {platform.python_version()}, "
            + ", ".join(f"{name} {version(name)}" for name in VERSIONS)
            + ".",
            "",
            "| ratio | as run | without start-up | the same in processor time | target | |",
            "|---|---|---|---|---|---|",
            *(
                f"| {r.what} | {r.figure} | {r.without_start_up} | {r.in_processor_time} | {r.target} "
                f"| {VERDICTS[r.is_met]} |"
                for r in self.ratios()
            ),
            "",
            "| measured | seconds | processor seconds | peak memory, GiB |",
            "|---|---|---|---|",
            *(
                f"| {name} | {cost.seconds:.1f} | {cost.processor_seconds:.1f} | {cost.peak_gib:.2f} |"
                for name, cost in self.costs.items()
            ),
            "",
        ]
        if self.differences:
            lines += ["**The computations disagree:**", "", *(f"- {text}" for text in self.differences)]
        else:
            lines.append("All computations of facts and marts gave equal totals.")
        return "\n".join(lines) + "\n"


def machine() -> str:
    """Cores and memory, by which a ratio may differ elsewhere."""
    memory = psutil.virtual_memory().total / 1024**3
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, load at the end {load:.1f}"


def write(page: Path, results: Results) -> None:
    """Replace the section of this size on the page, or add it behind those of other sizes."""
    text = page.read_text(encoding="utf-8") if page.is_file() else "# Benchmarks\n"
    section = results.as_markdown()
    title = re.escape(section.split("\n", 1)[0])
    pattern = re.compile(rf"^{title}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section + "\n", text)
    else:
        before, words, after = text.partition(COMMENTARY)
        text = f"{before.rstrip()}\n\n{section}\n{words}{after}"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text.rstrip() + "\n", encoding="utf-8")


def _net(seconds: float, start_up: float) -> float:
    """Seconds without the start-up; never under a tenth of a second, below which a ratio is noise."""
    return max(seconds - start_up, 0.1)


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
