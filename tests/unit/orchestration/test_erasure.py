"""`aval privacy erase`: no file of the data directory holds the customer then, and figures are the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from connectors.feeds.customers import KEY, partner_key
from connectors.feeds.intake.run import take_in
from connectors.ledger import Ledger
from connectors.sources.intake import take_in as take_in_sources
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


def erase(settings: Settings, partner: str, text: str | bytes) -> tuple[int, str]:
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


def test_a_customer_is_erased_after_the_feed_that_named_it_is_gone(settings: Settings) -> None:
    data = settings.paths.data
    (settings.paths.company / "feeds" / "W01_sales.yml").unlink()
    code, said = erase(settings, "W01", "Client 7\n")
    assert (code, "100 landed rows" in said) == (0, True), said
    assert holders(data, partner_key("W01").hash("client 7")) == []
    assert holders(data, "Client 7") == []


def test_a_respondent_is_erased_whose_partner_has_no_feed(settings: Settings) -> None:
    survey = settings.paths.company.parent / "answers.csv"
    survey.write_text("nr,subject,partner,day,score,mail\nA1,partner,D02,2026-01-31,9,ana@client.example\n")
    columns = {
        "answer_number": "nr",
        "subject_code": "subject",
        "partner_code": "partner",
        "answer_date": "day",
        "score": "score",
        "respondent_key": "mail",
    }
    answers = {"kind": "file", "path": str(survey), "columns": columns}
    with (settings.paths.company / "company.yml").open("a") as file:
        file.write(yaml.safe_dump({"sources": {"survey_answers": answers}}))
    changed = load_settings(settings.paths.company, settings.paths.data)
    with Ledger(changed.paths.ledger) as ledger:
        take_in_sources(changed.paths, changed.company, ledger, now=datetime.now(UTC))
    pseudonym = partner_key("D02").hash("ana@client.example")
    assert holders(changed.paths.data, pseudonym) == ["landing"]
    code, said = erase(changed, "D02", "ana@client.example\n")
    assert (code, "1 landed rows" in said) == (1, True), said
    assert "survey_answers: the source names the customer" in said
    assert holders(changed.paths.data, pseudonym) == []


def test_what_names_the_customer_is_read_with_its_mark_and_refused_if_it_is_no_utf_8(
    settings: Settings,
) -> None:
    code, said = erase(settings, "W01", "Hélène\n".encode("cp1252"))
    assert (code, "no UTF-8" in said) == (2, True), said
    code, said = erase(settings, "W01", "Client 7\r\n".encode("utf-8-sig"))
    assert (code, "100 landed rows" in said) == (0, True), said


def test_a_partner_whose_feeds_name_nobody_is_told(settings: Settings) -> None:
    code, _ = erase(settings, "D01", "Client 7\n")
    assert code == 2
    code, said = erase(settings, "W01", "\n")
    assert (code, "at least 3 characters" in said) == (1, True)
