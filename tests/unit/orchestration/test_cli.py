"""The command line: exit codes that a scheduler can trust, and errors without tracebacks."""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
import yaml
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.cli_shared import command, console
from orchestration.doctor import examine
from orchestration.lock import run_lock

EXAMPLES = Path(__file__).parents[3] / "examples"
COMPANY = """
company: {code: acme, name: Acme}
erp: {kind: sql, url: "sqlite:///${AVAL_DATA}/erp.sqlite", queries: erp}
inbox: {path: "${AVAL_DATA}/inbox"}
"""
FEED = """
partner: P1
files: {glob: "P1/*.csv"}
container: {kind: delimited, delimiter: ";"}
period: {frequency: week, source: file_name, pattern: '(?P<year>\\d{4})-W(?P<week>\\d\\d)'}
columns: {gtin: EAN, sold_quantity: Qty}
expected_from: 2026-06-01
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # load_settings exports its paths; set here, they are taken back after the test.
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")


@pytest.fixture
def company(tmp_path: Path) -> list[str]:
    """The options that name a small company with one feed."""
    folder = tmp_path / "company"
    (folder / "feeds").mkdir(parents=True)
    (folder / "company.yml").write_text(COMPANY)
    (folder / "feeds" / "P1_weekly.yml").write_text(FEED)
    return ["--company", str(folder), "--data", str(tmp_path / "data")]


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_help_answers_within_a_second_and_tells_the_exit_codes() -> None:
    command = [sys.executable, "-m", "orchestration.cli", "run", "--help"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "Exit codes" in result.stdout
    assert "--accept-deleted-documents" in result.stdout
    # Its own seconds, because other tests share the machine.
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 1.0


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; import orchestration.cli; "
        "print([n for n in ('dagster', 'duckdb', 'dlt', 'great_expectations', 'pandas') if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_an_unknown_option_is_wrong_use() -> None:
    assert invoke("run", "--rebiuld", "2026-01")[0] == 2


def test_a_wrong_key_in_the_company_directory_is_told_with_its_line(company: list[str]) -> None:
    path = Path(company[1]) / "company.yml"
    path.write_text(COMPANY + "curency: EUR\n")
    code, output = invoke("run", *company)
    assert code == 2
    assert f"{path}:5: unknown key 'curency'" in output
    assert "Traceback" not in output


def test_an_installation_without_its_checkout_is_told_what_it_needs(
    company: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("orchestration.settings.DBT_PROJECT", tmp_path / "dbt_project")
    code, output = invoke("run", *company)
    assert code == 2
    assert "it was installed without its checkout -> clone the repository" in output


def test_a_span_that_is_none_is_wrong_use(company: list[str]) -> None:
    code, output = invoke("run", *company, "--rebuild", "2026")
    assert code == 2
    assert "2026-01..2026-03" in output


def full_device() -> None:
    Path("/dev/full").write_text("x")


def full_database() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("pragma max_page_count = 1")
        connection.execute("create table t (a)")


def database_in_no_folder() -> None:
    sqlite3.connect("/proc/none/ledger.sqlite")


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (full_device, "aval: the data directory: No space left on device -> free space there"),
        (full_database, "aval: the data directory: No space left on device -> free space there"),
        (
            database_in_no_folder,
            "aval: the data directory: Permission denied -> let this account read and write",
        ),
    ],
)
def test_a_disk_that_cannot_be_written_is_one_sentence(
    work: Callable[[], None], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @command
    def fails() -> None:
        try:
            work()
        except Exception as error:
            raise RuntimeError("as a library wraps it") from error

    with pytest.raises(typer.Exit) as ended:
        fails()
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.startswith(said)


def test_a_terminal_that_lacks_a_character_ends_no_command() -> None:
    """In a locale such as fr_FR.ISO-8859-1 the narrow space of French figures does not exist."""
    app = typer.Typer()

    @app.command()
    @command
    def tell() -> None:
        console().print("6\u202f590 unités")
        typer.echo("vendu à 1\u202f€")

    done = CliRunner(charset="latin-1").invoke(app)
    assert (done.exit_code, done.stdout) == (0, "6?590 unités\nvendu à 1??\n")


def test_another_fault_keeps_its_traceback() -> None:
    @command
    def fails() -> None:
        raise ValueError("a mistake of ours")

    with pytest.raises(ValueError, match="a mistake of ours"):
        fails()


def test_faults_of_a_source_that_there_is_none_of_are_wrong_use(company: list[str]) -> None:
    done = CliRunner().invoke(app, ["sources", "faults", "suport_tickets", *company])
    assert done.exit_code == 2
    assert "no source brings 'suport_tickets'" in done.output


def test_a_second_run_gives_way(company: list[str], tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from orchestration.lock import run_lock\n"
            "with run_lock(Path(sys.argv[1]), 'the other'): print('held', flush=True); time.sleep(60)",
            str(tmp_path / "data" / "state"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        code, output = invoke("run", *company)
        holder.kill()
    assert code == 4
    assert "another run holds the warehouse (the other" in output


def test_there_is_nothing_to_publish_before_the_first_run(company: list[str]) -> None:
    code, output = invoke("publish", *company)
    assert code == 2
    assert "run `aval run` first" in output


def test_a_dry_run_shows_what_would_land_and_lands_nothing(company: list[str], tmp_path: Path) -> None:
    file = tmp_path / "sales 2026-W23.csv"
    file.write_text("EAN;Qty\n" + "3017620422003;12\n3017620422003;many\n3017620422003;3\n" * 3)
    code, output = invoke("feeds", "check", str(file), *company, "--feed", "P1_weekly")
    assert "9 rows read: 6 accepted, 3 in quarantine" in output
    assert "many" in output
    assert not (tmp_path / "data" / "landing" / "feeds").exists()
    # A third of the rows is bad, and the profile rejects a file above a fifth.
    assert code == 1
    assert "would be rejected as a whole" in output


def test_names_and_cells_with_brackets_are_shown_as_they_are(company: list[str], tmp_path: Path) -> None:
    file = tmp_path / "[EXT] sales 2026-W23.csv"
    rows = "3017620422003;12;\n" * 8 + "3017620422003;[/b] :100:;\n"
    file.write_text(f"EAN;Qty;[/i] :Marge:\n{rows}")
    code, output = invoke("feeds", "check", str(file), *company, "--feed", "P1_weekly")
    assert code == 0
    assert "[EXT] sales 2026-W23.csv as feed P1_weekly" in output
    assert "[/b] :100:" in output
    assert "not read: '[/i] :Marge:'" in output


def test_a_dry_run_with_an_unknown_feed_names_the_known_ones(company: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("EAN;Qty\n")
    code, output = invoke("feeds", "check", str(tmp_path / "x.csv"), *company, "--feed", "P2_daily")
    assert code == 2
    assert "one of: P1_weekly" in output


@pytest.mark.parametrize("command", ["check", "propose"])
def test_a_file_that_is_not_there_is_told_as_that(command: str, company: list[str], tmp_path: Path) -> None:
    code, output = invoke("feeds", command, str(tmp_path / "x.csv"), *company)
    assert code == 2
    assert "does not exist" in output


def test_feeds_status_shows_what_is_missing_before_anything_came(company: list[str]) -> None:
    with (Path(company[1]) / "company.yml").open("a") as handle:
        handle.write("as_of_date: 2026-06-21\n")
    code, output = invoke("feeds", "status", *company)
    assert code == 0
    # Weeks 23 to 25 have ended by Sunday 21 June; 23 and 24 are due three days later.
    assert "0 of 3" in output
    assert "2026-W23, 2026-W24" in output


def test_the_doctor_finds_what_a_run_would_miss(company: list[str]) -> None:
    findings = {item.what: item for item in examine(Path(company[1]), Path(company[3]))}
    assert findings["company directory"].is_ok
    assert not findings["ERP"].is_ok
    assert not findings["mapping queries"].is_ok
    assert not findings["inbox"].is_ok
    assert all(item.remedy for item in findings.values() if not item.is_ok)
    assert invoke("doctor", *company)[0] == 2


def test_the_doctor_takes_no_file_for_the_data_directory(company: list[str], tmp_path: Path) -> None:
    (tmp_path / "a_file").touch()
    findings = {item.what: item for item in examine(Path(company[1]), tmp_path / "a_file" / "data")}
    assert not findings["data directory"].is_ok
    assert findings["data directory"].found == f"{tmp_path / 'a_file'} is a file"


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("landing", True),
        ("landing/rules/budgets", True),
        ("landing/ledger.sqlite-wal", True),
        ("state/run.lock", True),
        # A file that landed is never written again.
        ("landing/rules/budgets/1.parquet", False),
    ],
)
def test_the_doctor_names_what_another_account_has_left(
    company: list[str], monkeypatch: pytest.MonkeyPatch, name: str, is_told: bool
) -> None:
    data = Path(company[3])
    for file in ("landing/rules/budgets/1.parquet", "landing/ledger.sqlite-wal", "state/run.lock"):
        (data / file).parent.mkdir(parents=True, exist_ok=True)
        (data / file).touch()
    monkeypatch.setattr(os, "access", lambda path, _: path != data / name)
    finding = next(item for item in examine(Path(company[1]), data) if item.what == "data directory")
    assert finding.is_ok is not is_told
    assert (f"may not write to {data / name}" in finding.found) is is_told


def test_the_doctor_is_content_with_a_company_that_can_run(company: list[str]) -> None:
    _start(company)
    code, output = invoke("doctor", *company)
    assert "problem" not in output
    assert "3 fit" in output
    assert code == 0


def test_the_doctor_misses_the_partner_of_a_feed_once_partners_have_landed(company: list[str]) -> None:
    def found() -> dict[str, tuple[bool, str]]:
        return {item.what: (item.is_ok, item.found) for item in examine(Path(company[1]), Path(company[3]))}

    assert "partners of feeds" not in found()
    (profile,) = (Path(company[1]) / "feeds").glob("*.yml")
    folder = Path(company[3]) / "landing" / "erp" / "partners"
    folder.mkdir(parents=True)
    for batch, partner in (("b1", "ZZ9"), ("b2", yaml.safe_load(profile.read_text())["partner"])):
        pq.write_table(pa.table({"partner_code": [partner]}), folder / f"{batch}.parquet")
        is_known, said = found()["partners of feeds"]
        assert is_known == (batch == "b2")
        assert is_known or f"{profile.stem} is of" in said


def test_the_doctor_misses_the_ledger_of_what_has_landed(company: list[str]) -> None:
    export = Path(company[3]) / "landing" / "ledger" / "batches.parquet"
    export.parent.mkdir(parents=True)
    export.touch()
    _, output = invoke("doctor", *company)
    assert "problem intake ledger: the intake ledger is gone" in output
    assert "restore it from the backup" in output


def test_the_doctor_tries_each_mapping_query_on_the_erp(company: list[str]) -> None:
    erp = _start(company)
    with closing(sqlite3.connect(erp)) as connection:
        connection.execute("drop table article")
    partners = Path(company[1]) / "erp" / "partners.sql"
    partners.write_text(partners.read_text().replace("as partner_name", "as partner_nom"))

    found = {item.what: item for item in examine(Path(company[1]), Path(company[3]))}

    assert "no such table: article" in found["mapping query products"].found
    assert "partner_nom" in found["mapping query partners"].found
    assert "mapping query invoice_lines" not in found
    (Path(company[1]) / "erp" / "invoice_lines.sql").unlink()
    found = {item.what: item for item in examine(Path(company[1]), Path(company[3]))}
    assert "invoice_lines" in found["mapping queries"].found


def test_the_doctor_misses_ledger_exports_that_a_run_would_not_find_or_read(company: list[str]) -> None:
    folder = Path(company[1])
    (folder / "company.yml").write_text(COMPANY + "accounting: {path: books}\n")

    def found() -> tuple[bool, str]:
        findings = examine(folder, Path(company[3]))
        return next((item.is_ok, item.found) for item in findings if item.what == "general ledger")

    assert found() == (False, f"the folder of ledger exports {folder / 'books'} does not exist")
    (folder / "books").mkdir()
    (folder / "books" / "GL 2026.txt").touch()
    assert found() == (False, f"{folder / 'books'}, 0 exports")
    export = folder / "books" / "123456789FEC20261231.txt"
    export.write_text("Account\tAmount\n")
    is_ok, text = found()
    assert not is_ok
    assert "lacks journalcode" in text
    assert export.name in text
    export.write_text("JournalCode\tEcritureNum\tEcritureDate\tCompteNum\tDebit\tCredit\n")
    assert found() == (True, f"{folder / 'books'}, 1 exports")


def test_the_doctor_misses_what_a_delivery_needs_of_this_machine(
    company: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(company[1])
    (folder / "company.yml").write_text(
        COMPANY + "deliveries:\n  chain: {kind: sftp, host: sftp.example, user: aval, partner: P1, "
        "known_hosts: known_hosts, key: {env: CHAIN_KEY}}\n"
    )

    def found() -> str:
        return next(item.found for item in examine(folder, Path(company[3])) if item.what == "delivery chain")

    monkeypatch.delenv("CHAIN_KEY", raising=False)
    assert found() == "key: the environment variable CHAIN_KEY is not set"
    monkeypatch.setenv("CHAIN_KEY", "a key")
    assert found() == f"known_hosts: {folder / 'known_hosts'} does not exist"
    (folder / "known_hosts").touch()
    assert found() == "sftp, with what it needs of this machine"


def _start(company: list[str]) -> Path:
    """An ERP with the tables that the queries of examples/start name, and an inbox."""
    data = Path(company[3])
    (data / "inbox").mkdir(parents=True)
    shutil.copytree(EXAMPLES / "start" / "erp", Path(company[1]) / "erp")
    erp = data / "erp.sqlite"
    with closing(sqlite3.connect(erp)) as connection:
        connection.executescript(
            "create table customer(code, name, country, postal_code, active);"
            "create table article(code, name, family, ean, active);"
            "create table invoice(number, kind, customer, posting_date);"
            "create table invoice_line(invoice, position, article, quantity, list_price, net);"
        )
    return erp


def test_the_doctor_misses_the_key_that_registrations_of_deals_need(
    company: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AVAL_BUSINESS_KEY", raising=False)
    folder = Path(company[1]) / "erp"
    folder.mkdir()

    def found() -> dict[str, bool]:
        return {item.what: item.is_ok for item in examine(Path(company[1]), Path(company[3]))}

    (folder / "products.sql").write_text("select 1 as product_code")
    assert "AVAL_BUSINESS_KEY" not in found()
    (folder / "deal_registrations.sql").write_text("select 1 as registration_number")
    assert found()["AVAL_BUSINESS_KEY"] is False
    monkeypatch.setenv("AVAL_BUSINESS_KEY", "chosen")
    assert found()["AVAL_BUSINESS_KEY"] is True
    (folder / "deals.sql").write_text("select 1")
    assert found()["mapping queries"] is False


def test_the_doctor_sees_a_run_at_work(company: list[str]) -> None:
    data = Path(company[3])
    with run_lock(data / "state", "a long run"):
        findings = {item.what: item for item in examine(Path(company[1]), data)}
    assert not findings["run lock"].is_ok
    assert "a long run" in findings["run lock"].found


SAMPLE = "EAN;Qté vendue;Montant HT\n3799991000010;3;12,50\n3799991000027;x;1,00\n3799991000034;2;8,00\n"


@pytest.fixture
def sample(company: list[str], tmp_path: Path) -> Path:
    """A report of a partner without a profile."""
    path = tmp_path / "data" / "inbox" / "P2" / "ventes_2026-W05.csv"
    path.parent.mkdir(parents=True)
    path.write_text(SAMPLE, encoding="utf-8")
    return path


def test_a_draft_is_usable_by_check_as_it_is(company: list[str], sample: Path, tmp_path: Path) -> None:
    draft = tmp_path / "company" / "feeds" / "P2_ventes.yml"
    code, shown = invoke("feeds", "propose", str(sample), "--out", str(draft), *company)
    assert code == 0
    assert "check digit" in shown
    assert "feeds check" in shown
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    code, shown = invoke("feeds", "check", str(sample), *company, "--json")
    answer = json.loads(shown[shown.index("{") : shown.rindex("}") + 1])
    assert (answer["feed_code"], answer["rows_read"], answer["rows_quarantined"]) == ("P2_ventes", 3, 1)
    # One of three rows is faulty, more than the share that a profile allows unless it says otherwise.
    assert (code, answer["would_land"], answer["problem"]["code"]) == (1, False, "too_many_faults")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_the_command_that_tries_a_draft_can_be_typed_as_it_is_shown(
    company: list[str], sample: Path, tmp_path: Path
) -> None:
    blank = sample.rename(sample.with_name("ventes 2026-W05.csv"))
    _, shown = invoke("feeds", "propose", str(blank), "--out", str(tmp_path / "draft.yml"), *company)
    typed = shlex.split(shown.partition("then: ")[2].splitlines()[0])
    assert typed == ["aval", "feeds", "check", str(blank), "--profile", str(tmp_path / "draft.yml")]


def test_a_draft_outside_feeds_is_tried_by_its_file(company: list[str], sample: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yml"
    assert invoke("feeds", "propose", str(sample), "-o", str(draft), "-p", "P9", *company)[0] == 0
    sample.write_text(SAMPLE.replace("x", "4"), encoding="utf-8")
    code, shown = invoke("feeds", "check", str(sample), "--profile", str(draft), *company)
    assert code == 0
    assert "as feed draft of partner P9" in shown
    assert "would be accepted" in shown


def test_a_draft_that_is_not_finished_is_in_the_way_of_no_other(
    company: list[str], sample: Path, tmp_path: Path
) -> None:
    (tmp_path / "company" / "feeds" / "P3_open.yml").write_text("partner: P3\n# TODO period:\n")
    code, shown = invoke("feeds", "propose", str(sample), "--out", str(tmp_path / "draft.yml"), *company)
    assert code == 0, shown


def test_a_dry_run_says_what_its_profile_leaves_open(
    company: list[str], sample: Path, tmp_path: Path
) -> None:
    """1,234 and 5,678 are thousands or decimals, and the default reads them as decimals."""
    sample.write_text("EAN;Qté\n3799991000010;1,234\n3799991000027;5,678\n", encoding="utf-8")
    draft = tmp_path / "draft.yml"
    invoke("feeds", "propose", str(sample), "--out", str(draft), *company)
    _, shown = invoke("feeds", "check", str(sample), "--profile", str(draft), *company)
    said = "the profile leaves open what a draft could not tell (decimal_mark): decide"
    assert said in shown
    draft.write_text(draft.read_text().replace("# TODO decimal_mark: ','", "decimal_mark: '.'"))
    assert said not in invoke("feeds", "check", str(sample), "--profile", str(draft), *company)[1]


def test_a_crosswalk_to_a_product_that_nobody_has_matches_nothing(
    company: list[str], sample: Path, tmp_path: Path
) -> None:
    products = tmp_path / "data" / "landing" / "erp" / "products"
    products.mkdir(parents=True)
    row = {"product_code": "RAC0101", "gtin": None, "base_unit_code": "PCE"}
    schema = pa.schema([(name, pa.string()) for name in row])
    pq.write_table(pa.Table.from_pylist([row], schema), products / "1.parquet")
    feeds = tmp_path / "company" / "feeds"
    (feeds / "P2.csv").write_text("partner_product_code;product_code;unit_code\nA;RAC0101;PCE\nB;R1;PCE\n")
    profile = (
        FEED.replace("P1", "P2").replace("gtin: EAN", "partner_product_code: EAN") + "crosswalk: P2.csv\n"
    )
    (feeds / "P2_weekly.yml").write_text(profile)
    sample.write_text("EAN;Qty\nA;3\nB;4\n")
    _, shown = invoke("feeds", "check", str(sample), *company)
    assert "sell_out: 1 of 2 lines name a known product" in shown


def test_a_draft_never_overwrites_a_profile(company: list[str], sample: Path, tmp_path: Path) -> None:
    taken = tmp_path / "company" / "feeds" / "P1_weekly.yml"
    code, shown = invoke("feeds", "propose", str(sample), "--out", str(taken), *company)
    assert (code, "exists already" in shown) == (2, True)
    assert taken.read_text() == FEED


def test_a_draft_goes_to_standard_output_alone(company: list[str], sample: Path) -> None:
    result = CliRunner().invoke(app, ["feeds", "propose", str(sample), *company])
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout)["columns"]["gtin"] == "EAN"


def test_what_is_no_table_gives_no_draft_and_one_sentence(company: list[str], tmp_path: Path) -> None:
    path = tmp_path / "photo.csv"
    path.write_bytes(b"\x89PNG\x00\x00\x01")
    code, shown = invoke("feeds", "propose", str(path), *company)
    assert (code, "Traceback" in shown) == (1, False)
    assert "the file is a picture -> ask the partner" in shown


def test_fetching_says_so_where_no_deliveries_are_named(company: list[str]) -> None:
    nothing = CliRunner().invoke(app, ["feeds", "fetch", *company])
    assert (nothing.exit_code, nothing.stdout) == (0, "company.yml names no deliveries (docs/delivery.md)\n")
    unknown = CliRunner().invoke(app, ["feeds", "fetch", "D07", *company])
    assert unknown.exit_code == 2
    assert "there is no delivery 'D07' -> name one under 'deliveries' in company.yml" in unknown.stderr
