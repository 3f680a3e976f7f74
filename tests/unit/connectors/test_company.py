"""The company directory: what is right loads, and each fault is one error with file, line and remedy."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from connectors.company import Paths, load_company, read_model
from connectors.errors import ConfigError
from connectors.feeds.profile import Profile, load_profiles

GOOD = """\
company:
  code: acme
  name: Acme SAS
as_of_date: 2026-06-30
erp:
  kind: sql
  url: sqlite:///${AVAL_DATA}/erp.sqlite
  queries: erp
inbox:
  path: inbox
"""


def _load(tmp_path: Path, text: str):
    (tmp_path / "company.yml").write_text(text, encoding="utf-8")
    return load_company(Paths(tmp_path, tmp_path / "data"))


def _fault(tmp_path: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    return caught.value


def test_a_correct_file_loads_with_defaults_and_paths_from_its_own_folder(tmp_path: Path) -> None:
    company = _load(tmp_path, GOOD)

    assert company.locale == "fr"
    assert company.currency == "EUR"
    assert company.today() == date(2026, 6, 30)
    assert company.inbox.path == tmp_path / "inbox"
    assert company.erp.queries == tmp_path / "erp"
    assert company.erp.connection_url() == f"sqlite:///{tmp_path}/data/erp.sqlite"


@pytest.mark.parametrize(
    ("old", "new", "line", "problem", "remedy"),
    [
        ("  kind: sql\n", "  kind: sap\n", 6, "erp.kind", "'sql' or 'tryton'"),
        ("  name: Acme SAS\n", "", 1, "company.name", "add it"),
        ("  name: Acme SAS\n", "  nom: Acme SAS\n", 3, "unknown key 'company.nom'", "its spelling"),
        ("inbox:\n", "currency: euro\ninbox:\n", 9, "'currency'", "[A-Z]"),
        ("inbox:\n", "time_zone: Paris\ninbox:\n", 9, "'time_zone'", "Europe/Paris"),
        ("inbox:\n", "colour: blue\ninbox:\n", 9, "unknown key 'colour'", "docs/company.md"),
        ("  queries: erp\n", "", 5, "'erp'", "'queries'"),
        ("sqlite:///${AVAL_DATA}/erp.sqlite", "postgresql://u:secret@db/x", 7, "erp.url", "{env: NAME}"),
        ("${AVAL_DATA}", "${NOT_SET_ANYWHERE}", 7, "NOT_SET_ANYWHERE", "set NOT_SET_ANYWHERE"),
        ("  code: acme\n", "  code: ../acme\n", 2, "company.code", "pattern"),
        ("  code: acme\n", "  code: acme\n  code: acme2\n", 3, "'code' stands twice", "keep one"),
    ],
)
def test_each_wrong_setting_names_file_line_problem_and_what_is_expected(
    tmp_path: Path, old: str, new: str, line: int, problem: str, remedy: str
) -> None:
    error = _fault(tmp_path, GOOD.replace(old, new, 1))

    assert error.place.file == tmp_path / "company.yml"
    assert error.place.line == line
    assert problem in error.problem
    assert remedy in error.remedy


@pytest.mark.parametrize("folder", ["feeds", "tried_from_elsewhere"])
def test_a_fault_in_a_profile_names_the_page_on_profiles(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "D07_sales.yml"
    path.parent.mkdir()
    path.write_text("decimal_marck: ','\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"unknown key 'decimal_marck'.*docs/feeds\.md lists the keys"):
        read_model(path, Profile)


def test_a_pattern_without_a_period_names_the_date_as_well(tmp_path: Path) -> None:
    path = tmp_path / "D07_sales.yml"
    path.write_text(
        """
        partner: D07
        files: {glob: D07/*.csv}
        container: {kind: delimited}
        columns: {gtin: EAN, sold_quantity: Units}
        expected_from: 2026-01-05
        period: {frequency: week, source: file_name, pattern: 'x_(?P<year>[0-9]+)(?P<month>[0-9][0-9])'}
        """,
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=r"expected named groups week and year, or date, in 'pattern'"):
        read_model(path, Profile)


def test_a_password_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    error = _fault(tmp_path, GOOD.replace("sqlite:///${AVAL_DATA}/erp.sqlite", "postgresql://u:s3cret@db/x"))

    assert "s3cret" not in str(error)


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    error = _fault(tmp_path, GOOD.replace("  name: Acme SAS", "  name: [Acme"))

    assert error.code == "invalid_yaml"
    assert error.place.line is not None


def test_a_file_in_another_code_page_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "company.yml").write_bytes(GOOD.replace("Acme SAS", "Société Générale").encode("cp1252"))
    with pytest.raises(ConfigError, match="the file is not UTF-8 -> save it as UTF-8") as caught:
        load_company(Paths(tmp_path, tmp_path / "data"))
    line = 1 + GOOD[: GOOD.index("Acme SAS")].count("\n")
    assert caught.value.place.line == line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"company\.yml does not exist"):
        load_company(Paths(tmp_path, tmp_path / "data"))


@pytest.mark.parametrize("name", ["company.yml", "feeds", "rules/stores.csv", "erp", "erp/products.sql"])
def test_what_may_not_be_read_is_not_taken_for_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for file in ("feeds/P1_sales.yml", "rules/stores.csv", "erp/products.sql"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    # Whoever runs the tests may be one to whom nothing is closed.
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path / name)
    error = _fault(tmp_path, GOOD)
    assert (error.code, error.place.file) == ("unreadable", tmp_path / name)


def test_a_secret_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url.txt").write_text("postgresql://db/file\n", encoding="utf-8")
    monkeypatch.setenv("ACME_ERP", "postgresql://db/env")
    from_env = _load(tmp_path, GOOD.replace("sqlite:///${AVAL_DATA}/erp.sqlite", "{env: ACME_ERP}"))
    from_file = _load(
        tmp_path, GOOD.replace("sqlite:///${AVAL_DATA}/erp.sqlite", f"{{file: {tmp_path}/url.txt}}")
    )

    assert from_env.erp.connection_url() == "postgresql://db/env"
    assert from_file.erp.connection_url() == "postgresql://db/file"


def test_a_missing_secret_says_which_variable_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_ERP", raising=False)
    company = _load(tmp_path, GOOD.replace("sqlite:///${AVAL_DATA}/erp.sqlite", "{env: ACME_ERP}"))

    with pytest.raises(ConfigError, match="set ACME_ERP"):
        company.erp.connection_url()


def test_an_empty_variable_of_a_path_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")

    paths = Paths.from_environment()

    assert paths.company == Path("examples/demo").resolve()
    assert paths.data == Path("var/demo").resolve()


@pytest.mark.parametrize("name", ["[acme]", "acme?", "acme*", "acme #1", "acme\\2026"])
def test_a_data_directory_whose_path_is_no_plain_name_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVAL_DATA", str(tmp_path / name))
    with pytest.raises(ConfigError, match="data directory holds") as caught:
        Paths.from_environment()
    assert caught.value.place.file == tmp_path / name
    assert "--data" in caught.value.remedy
    monkeypatch.setenv("AVAL_DATA", str(tmp_path / "l'entrepôt, 50 % {à nous}"))
    assert Paths.from_environment().data.name == "l'entrepôt, 50 % {à nous}"


def test_a_profile_without_a_currency_has_the_company_s(tmp_path: Path) -> None:
    (tmp_path / "company.yml").write_text(GOOD + "currency: USD\n")
    company = load_company(Paths(tmp_path, tmp_path / "data"))
    profile = """
partner: P1
files: {glob: "P1/*.csv"}
container: {kind: delimited, delimiter: ";"}
period: {frequency: week, source: file_name, pattern: '(?P<year>\\d{4})-W(?P<week>\\d\\d)'}
columns: {gtin: EAN, sold_quantity: Qty}
expected_from: 2026-06-01
"""
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "ours.yml").write_text(profile)
    (tmp_path / "feeds" / "theirs.yml").write_text(profile + "currency: EUR\n")
    profiles = load_profiles(tmp_path / "feeds", company)
    assert {code: found.currency for code, found in profiles.items()} == {"ours": "USD", "theirs": "EUR"}
