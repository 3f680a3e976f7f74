"""A customer of the sample company asks to be forgotten; every file of the data directory is searched."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from connectors.feeds.customers import KEY, partner_key
from tests.installation import run_aval

PARTNER = "W01"
FIGURES = (
    "select partner_code, count(*), sum(sold_quantity), sum(returned_quantity), sum(net_amount) "
    "from core.fct_sell_out group by all order by all"
)


def databases(data: Path) -> list[Path]:
    return [data / "warehouse" / "aval.duckdb", (data / "published" / "current.duckdb").resolve()]


def ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def bears(path: Path, words: list[bytes]) -> bool:
    """Whether a file holds one of the words, in its bytes or, for Parquet, in its cells."""
    held = path.read_bytes()
    if path.suffix == ".parquet":
        held += repr(duckdb.sql(f"from read_parquet('{path}')").fetchall()).encode()
    return any(word in held for word in words)


def test_an_erased_customer_is_in_no_file_and_no_figure_has_changed(
    demo_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, published = databases(demo_copy)
    report = next((demo_copy / "source" / "inbox" / PARTNER).glob("commandes_*.csv"))
    customer = report.read_text().splitlines()[1].split(";")[2]
    asked = tmp_path / "customer.txt"
    asked.write_text(customer + "\n")
    monkeypatch.setenv(KEY, "the sample company has no customers to protect")
    pseudonym = partner_key(PARTNER).hash(customer.lower())
    words = [pseudonym.encode()]
    assert bears(warehouse, words)
    assert bears(published, words)
    before = [ask(path, FIGURES) for path in (warehouse, published)]

    refused = run_aval("privacy", "erase", "--partner", "D01", "--file", str(asked), data=demo_copy)
    assert refused.returncode == 2
    erased = run_aval("privacy", "erase", "--partner", PARTNER, "--file", str(asked), data=demo_copy)

    assert erased.returncode == 0, erased.stderr
    assert customer not in erased.stdout + erased.stderr
    assert [ask(path, FIGURES) for path in (warehouse, published)] == before
    assert [path for path in demo_copy.rglob("*") if path.is_file() and bears(path, words)] == []
    own = [path for path in demo_copy.rglob("*") if PARTNER in path.parts and path.is_file()]
    assert own != []
    assert [path for path in own if bears(path, [customer.encode()])] == []
