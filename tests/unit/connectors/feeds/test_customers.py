"""Who is the same customer, to whom, and under which key."""

from __future__ import annotations

import pytest

from connectors.errors import ConfigError
from connectors.feeds import customers


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
