"""Who is the same customer, to whom, and under which key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import duckdb
import pytest

from connectors import privacy
from connectors.errors import ConfigError
from connectors.feeds import customers
from connectors.feeds.profile import Profile

from .conftest import Desk


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(customers.KEY, "a key")
    monkeypatch.delenv(customers.KEY_ID, raising=False)
    monkeypatch.delenv(customers.FORMER_KEYS, raising=False)


@pytest.mark.parametrize(
    "spellings",
    [
        ["Zoé Martin", "  zoé   MARTIN ", "Zoe\u0301 Martin", "zoé\u00a0martin"],
        ["zoe@example.org", "Zoe@Example.ORG"],
        [
            "06 12 34 56 78",
            "0612345678",
            "06.12.34.56.78",
            "+33 6 12 34 56 78",
            "0033612345678",
            "+33 (0)6 12345678",
        ],
        ["+49 30 1234567", "0049 30-1234567"],
        ["4711 0815", "47110815"],
    ],
)
def test_one_customer_has_one_hash_however_it_is_written(spellings: list[str]) -> None:
    assert len(set(customers.normalised(spellings))) == 1


def test_different_customers_stay_different() -> None:
    texts = ["Zoé", "Zoe", "00123", "0123", "123", "x-1", "x1", "zoe@example.org", "zoe@example.com"]
    assert len(set(customers.normalised(texts))) == len(texts)


def test_the_hash_of_one_partner_is_not_that_of_another_nor_of_another_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {customers.partner_key(partner).hash("zoé") for partner in ("D07", "D08")}
    monkeypatch.setenv(customers.KEY, "another key")
    found.add(customers.partner_key("D07").hash("zoé"))
    assert len(found) == 3


def test_former_keys_are_named_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    before = customers.partner_key("D07").hash("zoé")
    monkeypatch.setenv(customers.KEY, "another key")
    monkeypatch.setenv(customers.KEY_ID, "2")
    monkeypatch.setenv(customers.FORMER_KEYS, "1")
    with pytest.raises(ConfigError, match="AVAL_PSEUDONYM_KEY_1 is not set"):
        customers.all_keys("D07")
    monkeypatch.setenv("AVAL_PSEUDONYM_KEY_1", "a key")
    assert [key.hash("zoé") for key in customers.all_keys("D07")][1] == before


def test_an_id_of_a_key_is_letters_and_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(customers.KEY_ID, "2-3")
    with pytest.raises(ConfigError, match="letters and digits"):
        customers.key_id()


# --- business customers across partners ---


@pytest.mark.parametrize(
    ("texts", "normal"),
    [
        (("732 829 320 00074", None, None), "siren:732829320"),
        (("732829320", None, None), "siren:732829320"),
        ((None, "FR 44 732 829 320", None), "siren:732829320"),
        (("n.c.", "be0123.456.789", None), "vat:BE0123456789"),
        ((None, "", "Achats@Acme.FR"), "domain:acme.fr"),
        ((None, None, "https://www.acme.fr/contact"), "domain:acme.fr"),
        ((None, None, "someone@gmail.com"), None),
        (("73282932000074", "BE0123456789", "acme.fr"), "siren:732829320"),
        (("123", "?", "acme"), None),
        (("356 000 000 09075", None, None), "siren:356000000"),
        (("00000000000000", "FR00000000000", "acme.fr"), "domain:acme.fr"),
        (("12345678901234", None, None), None),
        (("73282932000999", None, None), "siren:732829320"),
        (("99999999999999", "FR44732829321", None), None),
        (("", "BE0000000000", None), None),
        ((None, None, None), None),
    ],
)
def test_a_company_is_told_by_its_siren_else_its_vat_number_else_its_domain(
    texts: tuple[str | None, ...], normal: str | None
) -> None:
    sql = customers.business_normal_sql("siret", "vat", "domain")
    with duckdb.connect() as connection:
        row = connection.execute(
            f"select {sql} from (select ?::varchar as siret, ?::varchar as vat, ?::varchar as domain)",
            list(texts),
        ).fetchone()
    assert row == (normal,)


BUSINESS = {
    "partner_product_code": "Ref",
    "sold_quantity": "Qty",
    "customer_siret": "SIRET",
    "customer_vat": "TVA",
}
NUMBERS = "Ref;Qty;SIRET;TVA\nA;1;73282932000074;\nB;2;;FR44732829320\nC;3;;\n"


def test_one_company_of_two_partners_has_one_hash_and_its_numbers_never_land(
    desk: Desk, profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds = {
        "one": profile(columns=BUSINESS),
        "two": profile(columns=BUSINESS, partner="D08", files={"glob": "D08/*.csv"}),
    }
    for partner in ("D07", "D08"):
        desk.put(f"{partner}/r_2026-W05.csv", NUMBERS.replace("B;2", "B;x") if partner == "D08" else NUMBERS)
    monkeypatch.delenv(customers.BUSINESS_KEY, raising=False)
    refused = desk.take(**feeds)
    assert {item.state for item in refused.files} == {"refused"}
    assert all(customers.BUSINESS_KEY in (item.reason or "") for item in refused.files)
    monkeypatch.setenv(customers.BUSINESS_KEY, "chosen")
    assert {item.state for item in desk.take(**feeds).files} == {"landed"}
    found = desk.rows("partner_code, partner_product_code, business_customer_key")
    hashes = {(partner, code): hash_ for partner, code, hash_ in found}
    one = customers.business_key().hash("siren:732829320")
    assert hashes == {
        ("D07", "A"): one,
        ("D07", "B"): one,
        ("D07", "C"): None,
        ("D08", "A"): one,
        ("D08", "C"): None,
    }
    for file in (desk.paths.landing / "feeds").rglob("*.parquet"):
        assert "732829320" not in str(duckdb.sql(f"from '{file}'").fetchall())


def test_a_wrong_number_that_landed_before_numbers_were_checked_can_be_erased(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(customers.BUSINESS_KEY, "chosen")
    landed = customers.business_key().hash("siren:123456789")
    assert landed in customers.business_hashes(["12345678901234"])


def test_an_erased_business_customer_is_erased_at_all_partners(
    desk: Desk, profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(customers.BUSINESS_KEY, "chosen")
    feeds = {
        "one": profile(columns=BUSINESS),
        "two": profile(columns=BUSINESS, partner="D08", files={"glob": "D08/*.csv"}),
    }
    for partner in ("D07", "D08"):
        desk.put(f"{partner}/r_2026-W05.csv", NUMBERS)
    desk.take(**feeds)
    who = privacy.wanted("D07", ["732 829 320 00074"])
    entry, left = privacy.erase(desk.paths, desk.company, feeds, desk.ledger, who, now=datetime.now(UTC))
    assert entry.rows == 4
    found = desk.rows("business_customer_key, sold_quantity::int")
    assert sorted(found) == [(None, n) for n in (1, 1, 2, 2, 3, 3)]
    assert any("D08: its reports name the business customer too" in item for item in left)
