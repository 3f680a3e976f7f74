"""Registered deals: customers land as keyed hashes, and names that are alike as pairs with a score."""

from __future__ import annotations

from datetime import datetime

import pytest

from connectors.erp.registrations import Registration, alike_names, likeness
from connectors.errors import ConfigError, SourceError
from connectors.feeds import customers
from connectors.ledger import Ledger
from connectors.matching.places import Place
from connectors.privacy import erase, wanted
from connectors.sample.identifiers import french_vat, siren, siret
from tests.unit.connectors.erp.conftest import NOW, SmallErp

TABLE = """create table deal (
    number text, partner text, at text, customer text, siret text, vat text, mail text, postal text
)"""
QUERY = """
    select number as registration_number, partner as partner_code, at as registered_at, 10 as expected_amount,
        'EUR' as currency_code, 'registered' as status_code, postal as postal_code, customer as customer_name,
        siret as customer_siret, vat as customer_vat, mail as customer_domain
    from deal"""
ROWS = (
    ("E1", "P1", "2026-01-05 08:00:00", "Ateliers Navals de Penthièvre", siret(7), None, None, "22000"),
    (
        "E2",
        "P2",
        "2026-01-06 08:00:00",
        "ATELIERS NAVALS PENTHIEVRE SAS",
        None,
        french_vat(siren(7)),
        None,
        "22000",
    ),
    ("E3", "P2", "2026-01-07 08:00:00", "Scierie du Lac", "12345678901234", None, "moi@gmail.com", "74000"),
    ("E4", "P1", "2026-01-08 08:00:00", "Autre", None, None, "achats@lac.example", "74000"),
    ("E5", "P2", "2026-01-09 08:00:00", "Encore une", None, None, "http://www.LAC.example/fr", "74000"),
)


@pytest.fixture
def deals(erp: SmallErp, monkeypatch: pytest.MonkeyPatch) -> SmallErp:
    monkeypatch.setenv(customers.BUSINESS_KEY, "chosen")
    erp.change(TABLE)
    for row in ROWS:
        erp.connection.execute("insert into deal values (?, ?, ?, ?, ?, ?, ?, ?)", row)
    erp.connection.commit()
    erp.write_query("deal_registrations", QUERY)
    return erp


def test_one_customer_bears_one_hash_whichever_number_names_it_and_nothing_lands_in_clear(
    deals: SmallErp,
) -> None:
    deals.pull()
    rows = deals.landed(
        "registration_number, site_customer_key, company_customer_key, domain_customer_key, "
        "alike_registrations",
        "deal_registrations",
    )
    site, company, domain, alike = ({row[0]: row[at] for row in rows} for at in (1, 2, 3, 4))
    assert site["E1"] is not None
    assert [number for number, key in site.items() if key is not None] == ["E1"], (
        "E3's number has a wrong check digit"
    )
    assert company["E1"] == company["E2"] is not None
    assert company["E3"] is None
    assert domain["E4"] == domain["E5"] is not None
    assert domain["E3"] is None, "a mail host of everybody names no company"
    assert alike == {"E1": None, "E2": "1.00 E1", "E3": None, "E4": None, "E5": None}
    (landed,) = (deals.paths.landing / "erp" / "deal_registrations").glob("*.parquet")
    content = landed.read_bytes().lower()
    for text in ("penthi", "navals", siret(7), siren(7), "lac.example", "scierie"):
        assert text.encode() not in content


def test_without_the_company_s_choice_of_a_key_no_deal_is_read(
    deals: SmallErp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(customers.BUSINESS_KEY)
    with pytest.raises(ConfigError, match=f"^erp/deal_registrations.sql: .*{customers.BUSINESS_KEY}"):
        deals.pull()


def test_no_key_is_asked_for_where_nobody_has_registered_anything(
    deals: SmallErp, monkeypatch: pytest.MonkeyPatch
) -> None:
    deals.write_query("deal_registrations", QUERY + " where 1 = 0")
    monkeypatch.delenv(customers.BUSINESS_KEY)
    assert deals.pull()["deal_registrations"].rows_landed == 0


def test_deals_are_read_whole_so_that_names_can_be_compared(deals: SmallErp) -> None:
    deals.write_query("deal_registrations", QUERY + " where at >= :cursor")
    with pytest.raises(SourceError, match="cursor"):
        deals.pull()


def test_a_new_deal_is_compared_with_those_of_former_pulls(deals: SmallErp) -> None:
    deals.pull()
    deals.connection.execute(
        "insert into deal values "
        "('E6', 'P1', '2026-02-01 08:00:00', 'Scierie du LAC', null, null, null, '74000')"
    )
    deals.connection.commit()
    assert deals.pull()["deal_registrations"].rows_landed == 1
    assert ("E6", "1.00 E3") in deals.landed("registration_number, alike_registrations", "deal_registrations")


def test_a_number_of_zeros_names_no_customer(deals: SmallErp) -> None:
    deals.connection.executemany(
        "insert into deal values (?, ?, '2026-02-01 08:00:00', ?, '00000000000000', null, null, '74000')",
        [("E6", "P1", "Fonderie"), ("E7", "P2", "Laiterie")],
    )
    deals.connection.commit()
    deals.pull()
    rows = deals.landed("registration_number, site_customer_key, company_customer_key", "deal_registrations")
    assert {("E6", None, None), ("E7", None, None)} <= set(rows)


def test_an_erased_customer_leaves_the_deals_of_all_partners_and_the_erp_is_named(
    deals: SmallErp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(customers.KEY, "a key")
    deals.pull()
    deals.company.inbox.path.mkdir(parents=True, exist_ok=True)
    with Ledger(deals.paths.ledger) as ledger:
        who = wanted("P1", [siret(7)])
        entry, left = erase(deals.paths, deals.company, {}, ledger, who, now=NOW)
    assert entry.rows == 2
    assert any("deal_registrations" in item for item in left)
    rows = deals.landed("registration_number, site_customer_key, company_customer_key", "deal_registrations")
    assert [row for row in rows if row[0] in ("E1", "E2")] == [("E1", None, None), ("E2", None, None)]
    assert [key for (key,) in deals.landed("domain_customer_key", "deal_registrations") if key]


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        (("Scierie du Lac", "74000"), ("SCIERIE DU LAC SARL", "74000"), 1.0),
        (("Scierie du Lac", "74000"), ("Lac, scierie", "74150"), 0.95),
        (("Scierie du Lac", "74000"), ("Scierie du Lac", "22000"), 0.85),
        (("Scierie du Lac", "74000"), ("Scierie du Lac", None), 0.95),
        (("Garage 7", "74000"), ("Garage 12", "74000"), 0.8),
    ],
)
def test_legal_forms_accents_and_order_do_not_count_and_another_place_does(
    one: tuple[str, str], other: tuple[str, str | None], score: float
) -> None:
    assert (
        likeness(Place("1", one[0], postal_code=one[1]), Place("2", other[0], postal_code=other[1])) == score
    )


def registration(number: str, partner: str, day: int, name: str, company: str | None = None) -> Registration:
    return Registration(number, partner, datetime(2026, 1, day), Place(number, name), company)  # noqa: DTZ001


def test_names_of_one_partner_of_two_companies_or_too_unlike_are_no_pair() -> None:
    found = alike_names(
        [
            registration("E4", "P4", 4, "Tuilerie de la Mer"),
            registration("E1", "P1", 1, "Scierie du Lac", "siren:1"),
            registration("E2", "P1", 2, "Scierie du Lac"),
            registration("E3", "P3", 3, "Scierie du Lac", "siren:3"),
        ]
    )
    assert list(found) == [("E3", "E2", 0.95)]
