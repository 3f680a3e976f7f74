"""`aval privacy erase`: no file of the data directory holds the customer then, and figures are the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from connectors.feeds.customers import KEY, partner_key
from connectors.feeds.intake.run import take_in
from connectors.ledger import Ledger
from orchestration.cli import app
from orchestration.settings import Settings, load_settings

COMPANY = """
company: {code: acme, name: Acme}
erp: {kind: sql, url: "sqlite:///erp.sqlite", queries: erp}
inbox: {path: "${AVAL_DATA}/inbox"}
"""
PROFILE = """
partner: W01
files: {glob: "W01/*.csv"}
container: {kind: delimited}
period: {frequency: week, source: file_name, pattern: '(?P<year>\\d{4})-W(?P<week>\\d{2})'}
columns: {product_code: Ref, sold_quantity: Qty, customer: Client}
expected_from: 2026-01-05
"""
FIGURES = "select product_code, count(*), sum(sold_quantity) from core.fct_sell_out group by all order by all"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A company with one landed report, a warehouse and two published versions of it."""
    monkeypatch.setenv(KEY, "a key")
    company = tmp_path / "company"
    (company / "feeds").mkdir(parents=True)
    (company / "company.yml").write_text(COMPANY)
    (company / "feeds" / "W01_sales.yml").write_text(PROFILE)
    settings = load_settings(company, tmp_path / "data")
    inbox = settings.company.inbox.path / "W01"
    inbox.mkdir(parents=True)
    lines = "".join(f"A;{number};Client {number % 50}\n" for number in range(1, 5000))
    (inbox / "ventes_2026-W05.csv").write_text("Ref;Qty;Client\n" + lines)
    with Ledger(settings.paths.ledger) as ledger:
        take_in(settings.paths, settings.company, settings.profiles, ledger, now=datetime.now(UTC))
    settings.paths.warehouse.parent.mkdir(parents=True)
    settings.paths.published.mkdir(parents=True)
    landed = settings.paths.landing / "feeds" / "sell_out" / "W01" / "**" / "*.parquet"
    published = settings.paths.published
    for path in (settings.paths.warehouse, published / "1.duckdb", published / "2.duckdb"):
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema core")
            connection.execute(f"create table core.fct_sell_out as from read_parquet('{landed}')")
            connection.execute("comment on column core.fct_sell_out.customer_key is 'Who''s who.'")
            connection.execute("create view core.lines as from core.fct_sell_out")
            connection.execute("comment on column core.lines.customer_key is 'Nobody''s.'")
    settings.current.symlink_to("2.duckdb")
    return settings


def holders(data: Path, word: str) -> list[str]:
    """Files that hold the word in their bytes or, for Parquet, in their cells."""
    found = []
    for path in sorted(data.rglob("*")):
        if path.is_file():
            held = path.read_bytes()
            if path.suffix == ".parquet":
                held += repr(duckdb.sql(f"from read_parquet('{path}')").fetchall()).encode()
            if word.encode() in held:
                found.append(path.relative_to(data).parts[0])
    return found


def ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def erase(settings: Settings, partner: str, text: str) -> tuple[int, str]:
    arguments = ["privacy", "erase", "--partner", partner, "--company", str(settings.paths.company)]
    result = CliRunner().invoke(app, [*arguments, "--data", str(settings.paths.data)], input=text)
    return result.exit_code, result.output


def test_an_erased_customer_is_in_no_file_and_no_figure_has_changed(settings: Settings) -> None:
    data, files = settings.paths.data, [settings.paths.warehouse, settings.current]
    pseudonym = partner_key("W01").hash("client 7")
    assert holders(data, pseudonym) == ["landing", "published", "published", "published", "warehouse"]
    assert holders(data, "Client 7") == ["inbox"]
    before = [ask(path, FIGURES) for path in files]
    with duckdb.connect(str(settings.current), read_only=True) as reader:
        code, said = erase(settings, "W01", "CLIENT  7\n")
        # Who has a version open keeps it until the end, and is not in the way.
        assert reader.execute("select count(customer_key) from core.fct_sell_out").fetchone() == (4999,)
    assert (code, "Client 7" in said, "CLIENT" in said) == (0, False, False)
    assert "100 landed rows and 300 rows of built and published tables" in said
    assert holders(data, pseudonym) == []
    assert holders(data, "Client 7") == []
    assert [ask(path, FIGURES) for path in files] == before
    assert ask(settings.current, "select count(customer_key) from core.lines") == [(4899,)]
    assert ask(
        settings.current, "select comment from duckdb_columns() where comment is not null order by 1"
    ) == [
        ("Nobody's.",),
        ("Who's who.",),
    ]
    assert settings.current.is_symlink()
    assert [path.name for path in data.rglob("*.part*")] == []


def test_a_partner_whose_feeds_name_nobody_is_told(settings: Settings) -> None:
    code, _ = erase(settings, "D01", "Client 7\n")
    assert code == 2
    code, said = erase(settings, "W01", "\n")
    assert (code, "at least 3 characters" in said) == (1, True)
