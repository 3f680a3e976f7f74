"""Matching on the sample company: how often the first proposal is right, and people's way to a decision."""

from __future__ import annotations

import csv
import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from connectors.matching import decisions, places
from connectors.matching.decisions import STORES, load_matches
from connectors.matching.places import Place
from connectors.matching.similarity import DEFAULT_THRESHOLD, ITEMS, PRODUCTS, REJECTED, UNITS, score
from connectors.sample import plants
from connectors.sample.stores import STORES as STORES_OF_THE_SAMPLE
from connectors.sheets import read_sheet, write_sheet
from orchestration.cli import app
from orchestration.settings import SAMPLE_COMPANY

PARTNERS = ("D08", "D12", "D16")
"""Partners with article codes of their own, and a crosswalk that says what they mean."""

pytestmark = pytest.mark.slow


def plain(label: str) -> str:
    letters = unicodedata.normalize("NFKD", label)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def abbreviated(label: str) -> str:
    """RAC DRO MALE Ø12 G1/2"""
    words = [word for word in plain(label).split() if word.lower() not in ("a", "de")]
    return " ".join(word[:3] if len(word) > 4 and word.isalpha() else word for word in words).upper()


def turned_round(label: str) -> str:
    return " ".join(reversed(plain(label).split()))


def without_its_longest_word(label: str) -> str:
    words = plain(label).split()
    longest = max((word for word in words if word.isalpha()), key=len, default="")
    return " ".join(word for word in words if word != longest)


@pytest.fixture(scope="module")
def tables(built_demo: Path) -> dict[str, pa.Table]:
    """Codes and labels of the partners as landed, as if there were no crosswalk, and our master data."""
    files = [
        str(built_demo / "landing" / "feeds" / "sell_out" / partner / "**" / "*.parquet")
        for partner in PARTNERS
    ]
    with duckdb.connect(str(built_demo / "warehouse" / "aval.duckdb"), read_only=True) as connection:

        def read(query: str, schema: pa.Schema, *values: object) -> pa.Table:
            return connection.execute(query, list(values)).to_arrow_table().cast(schema)

        return {
            "items": read(
                "select partner_code, partner_product_code as reported_code, "
                "max(product_label) as reported_label, "
                "cast(sum(net_amount) / sum(sold_quantity - returned_quantity) as double) as unit_price "
                "from read_parquet($1) group by all order by all",
                ITEMS,
                files,
            ),
            "products": read(
                "select product_code, product_name, cast(max(unit_price_amount) as double) as list_price "
                "from staging.stg_erp__products join staging.stg_erp__product_prices using (product_code) "
                "where valid_to_date > date '2026-06-30' group by all order by all",
                PRODUCTS,
            ),
            "units": read(
                "select product_code, unit_code, cast(base_quantity as double) as base_quantity "
                "from intermediate.int_product_units_completed order by all",
                UNITS,
            ),
        }


def meanings() -> dict[tuple[str, str], set[tuple[str, str]]]:
    """What the crosswalks say of each code: product and unit (two products where a code was used anew)."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for partner in PARTNERS:
        with (SAMPLE_COMPANY / "feeds" / f"{partner}_crosswalk.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter=";"):
                key = (partner, row["partner_product_code"])
                found.setdefault(key, set()).add((row["product_code"], row["unit_code"]))
    return found


@pytest.mark.parametrize(
    ("change", "precision", "recall"),
    [
        (str, 1.0, 1.0),
        (turned_round, 1.0, 1.0),
        (abbreviated, 0.98, 0.98),
        (without_its_longest_word, 0.85, 0.65),
    ],
)
def test_the_first_proposal_is_right_where_a_crosswalk_is_hidden(
    tables: dict[str, pa.Table], change: Callable[[str], str], precision: float, recall: float
) -> None:
    meaning = meanings()
    items = tables["items"]
    labels = pa.array([change(label) for label in items["reported_label"].to_pylist()])
    items = items.set_column(2, "reported_label", labels)
    rows: list[dict[str, Any]] = score(
        items, tables["products"], tables["units"], REJECTED.empty_table()
    ).to_pylist()
    names = [items[name].to_pylist() for name in ("partner_code", "reported_code")]
    known = set(zip(*names, strict=True)) & set(meaning)
    proposed = [
        row
        for row in rows
        if row["rank"] == 1
        and row["score"] >= DEFAULT_THRESHOLD
        and (row["partner_code"], row["reported_code"]) in known
    ]
    right = [
        row
        for row in proposed
        if (row["product_code"], row["unit_code"]) in meaning[row["partner_code"], row["reported_code"]]
    ]
    assert len(known) > 200
    assert len(right) / len(proposed) >= precision
    assert len(right) / len(known) >= recall


# --- stores ---


def without_accents_and_brand(name: str) -> str:
    """BEAUCOUZE ANGERS"""
    brands = ("Brico-Pro", "Quincaillerie Centrale", "Outil-Center")
    for brand in brands:
        name = name.removeprefix(brand)
    return turned_round(name).upper()


def cut(name: str) -> str:
    """Every seventh character is lost."""
    return "".join(letter for place, letter in enumerate(plain(name), start=1) if place % 7)


@pytest.mark.parametrize("with_place", [True, False])
@pytest.mark.parametrize(
    ("change", "precision", "recall"),
    [(str, 1.0, 1.0), (without_accents_and_brand, 1.0, 0.9), (cut, 1.0, 0.6)],
)
def test_the_first_store_proposed_is_right_where_codes_and_identifiers_are_hidden(
    change: Callable[[str], str], precision: float, recall: float, with_place: bool
) -> None:
    ours = [
        Place(store.code, store.name, store.partner, store.address, store.postal_code, store.city)
        for store in STORES_OF_THE_SAMPLE
    ]
    reported = [
        Place(
            f"?{place.code}",
            change(place.name),
            place.partner_code,
            postal_code=place.postal_code if with_place else None,
        )
        for place in ours
    ]
    proposed = [
        item
        for item in places.score(reported, ours, set())
        if item.rank == 1 and item.score >= places.DEFAULT_THRESHOLD
    ]
    right = [item for item in proposed if item.reported_code == f"?{item.target.code}"]
    assert len(reported) == 11
    assert len(right) >= precision * len(proposed)
    assert len(right) >= recall * len(reported)


def test_a_store_that_is_none_of_ours_is_not_proposed() -> None:
    ours = [
        Place(store.code, store.name, store.partner, store.address, store.postal_code, store.city)
        for store in STORES_OF_THE_SAMPLE
    ]
    strangers = [
        Place("a", "Brico-Pro Rennes", "T01", postal_code="35000", city="Rennes"),
        Place("b", "LYON 9", "T02"),
        Place("c", "Outil-Center Valenciennes", "T03"),
        Place("d", "LENS", "T01"),
    ]
    found = places.score(strangers, ours, set())
    assert [item for item in found if item.score >= places.DEFAULT_THRESHOLD] == []


def test_stores_take_the_same_way_to_a_decision(options: list[str], built_demo: Path, tmp_path: Path) -> None:
    kind = ["--kind", "stores", *options]
    assert "2 stores are unmatched" in aval("match", "list", *kind)
    assert "2 of 2 unmatched stores have a proposal" in aval("match", "propose", *kind)
    sheet = tmp_path / "stores.csv"
    aval("match", "export", str(sheet), *kind)
    rows = read_sheet(sheet, ("key", "store_code"))
    found = {row.cells["reported_code"]: row.cells["store_code"] for row in rows}
    planted = json.loads((built_demo / "source" / "answer_key.json").read_text(encoding="utf-8"))["planted"]
    assert found == {
        planted[plant]["reported_store"]: planted[plant]["store_code"]
        for plant in ("unlisted_store", "respelled_store")
    }
    header = list(rows[0].cells)
    filled = [[{**row.cells, "decision": "oui"}[name] for name in header] for row in rows]
    filled[1][header.index("store_code")] = "MAG-9999"
    write_sheet(sheet, header, filled, "fr")
    result = CliRunner().invoke(app, ["match", "import", str(sheet), *kind])
    assert result.exit_code == 2
    assert "we have no such store" in result.output
    assert not (Path(options[1]) / STORES.file).exists()
    assert "1 accepted, 0 rejected, 1 skipped" in aval("match", "review", *kind, answers="a\ns\n")
    assert "1 stores are unmatched" in aval("match", "list", *kind)
    (row,) = load_matches(Path(options[1]), STORES)
    assert (row["partner_code"], row["decision_code"]) == (plants.UNLISTED_STORE[0], "accepted")


# --- the way to a decision ---


@pytest.fixture
def options(built_demo: Path, tmp_path: Path) -> list[str]:
    """A copy of the company directory that decisions may be written to, on the built warehouse."""
    company = Path(shutil.copytree(SAMPLE_COMPANY, tmp_path / "company"))
    data = tmp_path / "data"
    (data / "warehouse").mkdir(parents=True)
    (data / "warehouse" / "aval.duckdb").symlink_to(built_demo / "warehouse" / "aval.duckdb")
    return ["--company", str(company), "--data", str(data)]


def aval(*arguments: str, answers: str = "") -> str:
    result = CliRunner().invoke(app, arguments, input=answers, env={"COLUMNS": "250"})
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_what_nobody_knows_is_shown_by_value_and_decided_one_by_one(options: list[str]) -> None:
    assert "3 codes are unmatched" in aval("match", "list", *options)
    assert "nothing to review" in aval("match", "review", *options)
    assert "3 of 3 unmatched codes have a proposal" in aval("match", "propose", *options)
    shown = aval("match", "list", *options)
    assert shown.index(plants.UNKNOWN_CODE_PARTNER) < shown.index("D10")
    said = aval("match", "review", "--by", "Ana", *options, answers="what\na\nr\ns\n")
    assert "'what' is none of the answers" in said
    assert "1 accepted, 1 rejected, 1 skipped" in said
    rows = load_matches(Path(options[1]))
    assert (rows[0]["decision_code"], rows[0]["product_code"]) == ("accepted", plants.UNKNOWN_CODE_PRODUCT)
    assert rows[0]["decided_by"] == "Ana"
    assert {row["decision_code"] for row in rows[1:]} == {"rejected"}
    assert len({row["reported_code"] for row in rows[1:]}) == 1
    # Decided codes are asked for no more; what was rejected is not proposed again.
    assert "2 codes are unmatched" in aval("match", "list", *options)
    aval("match", "propose", *options)
    assert "1 accepted, 0 rejected, 0 skipped" in aval("match", "review", *options, answers="1\n")


def test_decisions_made_in_an_office_program_are_read_back_whole_or_not_at_all(
    options: list[str], tmp_path: Path
) -> None:
    aval("match", "propose", *options)
    sheet = tmp_path / "matches.xlsx"
    aval("match", "export", str(sheet), *options)
    rows = read_sheet(sheet, ("key",))
    header = list(rows[0].cells)

    def hand_in(path: Path, **changes: str) -> Path:
        filled = [{**row.cells, "decision": "accepter"} for row in rows]
        filled[1].update(changes)
        write_sheet(path, header, [[row[name] for name in header] for row in filled], "fr")
        return path

    company = Path(options[1])
    for column, value, said in (
        ("decision", "peut-être", "row 3, column 'decision', value 'peut-être'"),
        ("product_code", "NOPE", "we have no such product"),
        ("unit_code", "TRUCK", "write one of PCE"),
        ("valid_from_date", "32/01/2026", "row 3, column 'valid_from_date'"),
        ("key", "k000", "no open code has this key"),
        ("key", rows[0].cells["key"], "row 2 decides otherwise on the same code"),
    ):
        result = CliRunner().invoke(
            app, ["match", "import", str(hand_in(tmp_path / "bad.csv", **{column: value})), *options]
        )
        assert result.exit_code == 2
        assert said in result.output
        assert not (company / decisions.PRODUCTS.file).exists()
    good = hand_in(tmp_path / "good.csv", decision="rejeter", valid_from_date="01/02/2026")
    assert "2 accepted, 1 rejected" in aval("match", "import", str(good), "--by", "Léa", *options)
    assert [row["decision_code"] for row in load_matches(company)] == ["accepted", "rejected", "accepted"]
    assert load_matches(company)[1]["valid_from_date"] == "2026-02-01"
    assert "0 accepted, 0 rejected" in aval("match", "import", str(good), *options)
