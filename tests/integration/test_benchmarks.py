"""The benchmark measures like against like: Aval, the DuckDB script and pandas agree on all totals.

Times are never asserted here; `make bench` measures them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pytest

from benchmarks import floor, report, with_pandas
from benchmarks.__main__ import Site
from benchmarks.compare import differences, totals_of_database, totals_of_folder
from benchmarks.history import Shape, add_week, as_of, generate
from benchmarks.measure import CommandFailed, Cost, run
from tests.installation import bring_parsed

SHAPE = Shape(lines=20_000, weeks=10, partners=4, products=60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, manifest_data: Path) -> Site:
    """A generated history with the plain script's database beside it."""
    made = Site(tmp_path_factory.mktemp("benchmark"), SHAPE)
    generate(made.company, made.data, SHAPE)
    bring_parsed(manifest_data, made.data)
    floor.write(made.company, made.data, made.folder / "floor.duckdb", as_of())
    return made


def test_aval_publishes_the_totals_of_the_plain_script(site: Site) -> None:
    cost = site.run_aval(as_of())
    assert cost.peak_bytes > 0
    assert (
        differences(totals_of_database(site.folder / "floor.duckdb"), totals_of_database(site.published))
        == []
    )


def test_pandas_gives_the_totals_of_the_plain_script(site: Site) -> None:
    with_pandas.write(site.company, site.data, site.folder / "pandas", as_of())
    expected = totals_of_database(site.folder / "floor.duckdb")
    assert expected["fct_sell_out", "rows"] == 20_000
    assert differences(expected, totals_of_folder(site.folder / "pandas")) == []


def test_one_line_more_in_a_fact_is_a_difference(site: Site, tmp_path: Path) -> None:
    expected = totals_of_database(site.folder / "floor.duckdb")
    changed = tmp_path / "changed.duckdb"
    changed.write_bytes((site.folder / "floor.duckdb").read_bytes())
    connection = duckdb.connect(changed)
    connection.execute("insert into fct_sell_out from fct_sell_out limit 1")
    connection.close()
    found = differences(expected, totals_of_database(changed))
    assert ("fct_sell_out", "rows") in {(difference.table, difference.figure) for difference in found}


def test_the_same_shape_gives_the_same_reports_and_a_week_more_changes_none_of_them(tmp_path: Path) -> None:
    shape = Shape(lines=400, weeks=2, partners=2, products=20)
    hashes = []
    for name in ("first", "second"):
        generate(tmp_path / name / "company", tmp_path / name / "data", shape)
        hashes.append(_hashes(tmp_path / name / "data" / "inbox"))
    assert hashes[0] == hashes[1]
    add_week(tmp_path / "first" / "company", tmp_path / "first" / "data", shape)
    grown = _hashes(tmp_path / "first" / "data" / "inbox")
    assert hashes[0].items() <= grown.items()
    assert len(grown) == len(hashes[0]) + shape.partners


def test_a_command_that_fails_is_not_measured() -> None:
    with pytest.raises(CommandFailed, match="ended with 3"):
        run(["sh", "-c", "exit 3"])


def test_a_ratio_is_given_as_run_and_without_start_up_and_its_section_replaces_the_former_one(
    tmp_path: Path,
) -> None:
    seconds = {
        "floor": 11.0, "floor, start-up": 1.0, "full": 50.0, "full, start-up": 35.0, "increment": 40.0,
        "increment, start-up": 37.0, "nothing new": 12.0, "pandas": 25.0, "pandas, start-up": 1.0,
    }  # fmt: skip
    costs = {name: Cost(value, value, 2 * 1024**3, "") for name, value in seconds.items()}
    results = report.Results(Shape(1_040_000), costs, [])
    full, increment, quiet, peak, *pandas = results.ratios()
    assert (full.figure, full.without_start_up, full.is_met) == ("4.55", "1.50", False)
    assert (increment.figure, increment.without_start_up) == ("0.80", "0.20")
    assert (quiet.figure, peak.figure) == ("12.0 s", "2.00 GiB")
    # Their targets are set for 20 million lines.
    assert [(each.figure, each.is_met) for each in pandas] == [("2.00", None), ("1.00", None)]
    larger = report.Results(Shape(20_000_000), costs, [])
    assert [each.is_met for each in larger.ratios()[-2:]] == [False, False]
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\nWords.\n\n## 20,000,000 lines\n\nKept.\n", encoding="utf-8")
    report.write(page, results)
    report.write(page, results)
    text = page.read_text(encoding="utf-8")
    assert text.count("## 1,040,000 lines") == 1
    assert "Words." in text
    assert "Kept." in text
    wide = report.Results(Shape(1_040_000, partners=40, products=2000), costs, [])
    report.write(page, wide)
    sections = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert sections == [
        "## 20,000,000 lines",
        "## 1,040,000 lines",
        "## 1,040,000 lines, 40 partners, 2,000 products, 52 weeks",
    ]


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.csv"))
    }
