"""Notices: who may know what, in which words, and what becomes of a message that does not arrive."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.company import Paths
from connectors.errors import ConfigError
from connectors.notices import Recipient, load_notices
from orchestration.alert_words import measured_in_words
from orchestration.alerts import Alert
from orchestration.notice_texts import Message, compose
from orchestration.notices import Digest, News, Proposed, check_partners, digest
from orchestration.told import Told

TODAY = date(2026, 6, 30)
REPORTS = {"D01_ventes": "Ventes hebdomadaires"}
PARTNERS = {"D01": "Nord SA", "D02": "Sud SARL"}


def an_alert(rule: str, partner: str, severity: str = "warning", **more: Any) -> Alert:
    alert = Alert(
        alert_id=f"{rule}|{partner}|2026-05-01",
        rule=rule,
        severity=severity,  # type: ignore[arg-type]
        subject=partner,
        partner=partner,
        item=None,
        status="open",
        since=date(2026, 5, 1),
        first_seen=date(2026, 5, 31),
        last_seen=TODAY,
        resolved=None,
        muted_until=None,
        measured=Decimal("70"),
        limit=Decimal("80"),
        unit="percent",
        figures="x=1",
        stake=Decimal("12345.60"),
        currency="EUR",
        name_fr="Surstock",
        name_en="Overstock",
        measure_fr="Sell-out / sell-in du mois",
        measure_en="Sell-out / sell-in of the month",
        action_fr="Freiner les livraisons.",
        action_en="Slow down deliveries.",
        partner_name="Nord SA",
        product_name=None,
        programme_name_fr=None,
        programme_name_en=None,
        conflict_fr=None,
        conflict_en=None,
        cause_fr=None,
        cause_en=None,
    )
    return replace(alert, **more)


def a_proposal(kind: str, partner: str, product: str = "P1", **more: Any) -> Proposed:
    proposal = Proposed(
        kind=kind,  # type: ignore[arg-type]
        partner=partner,
        product=product,
        product_name="Vanne",
        quantity=Decimal(108),
        pack=Decimal(12),
        amount=Decimal("1540.00"),
        currency="EUR",
        stock=Decimal(20),
        weeks=Decimal("0.7"),
        cause_date=date(2026, 6, 1),
    )
    return replace(proposal, **more)


REBATE = an_alert(
    "rebate_tier_within_reach",
    "D01",
    "notice",
    item="RFA|2026-01-01",
    programme_name_fr="Remise de fin d'année",
    programme_name_en="Year-end rebate",
    measured=Decimal(19),
    limit=Decimal(1000),
    unit="value",
    figures="measured_value=981; measure_code=units; last_day=2026-12-31",
)
NEWS = News(
    (
        an_alert("overstock", "D01", "critical"),
        an_alert("margin_under_target", "D02", "critical"),
        an_alert("late_payment", "D01"),
        REBATE,
        an_alert("missing_report", "D02", item="D02_mois|2026-05-01"),
    ),
    (
        a_proposal("novelty", "D01", "P9", quantity=None, pack=None, amount=None),
        a_proposal("reorder", "D01"),
        a_proposal("reorder", "D01", "P2"),
        a_proposal("reorder", "D02"),
    ),
    PARTNERS,
    TODAY,
)


def recipient(**settings: Any) -> Recipient:
    return Recipient.model_validate({"send_to": {"kind": "file", "folder": "out"}, **settings})


def rules_of(mine: Recipient) -> list[str]:
    return [alert.rule for alert in digest("x", mine, NEWS, ()).alerts]


def test_one_of_us_is_told_of_its_partners_from_a_severity_on() -> None:
    assert rules_of(recipient(severity="critical")) == ["overstock", "margin_under_target"]
    assert rules_of(recipient(severity="notice", partners=["D01"])) == [
        "overstock",
        "late_payment",
        "rebate_tier_within_reach",
    ]
    assert rules_of(recipient(rules=["late_payment"])) == ["late_payment"]
    assert digest("x", recipient(), NEWS, ()).proposals == ()


def test_a_partner_is_told_of_itself_alone_and_only_what_it_may_know() -> None:
    mine = recipient(partner="D01", proposals=["reorder", "novelty"])
    found = digest("x", mine, NEWS, ())

    assert [alert.rule for alert in found.alerts] == ["rebate_tier_within_reach"]
    assert {proposal.partner for proposal in found.proposals} == {"D01"}
    text = compose(found, mine, "fr", "Arvel", PARTNERS, REPORTS, TODAY).text
    for secret in ("D02", "Sud SARL", "enjeu", "345,60", "Surstock"):
        assert secret not in text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"partner": "D01", "rules": ["margin_under_target"]}, "a partner is not told of"),
        ({"partner": "D01", "partners": ["D02"]}, "not both"),
        ({"rules": ["overstok"]}, "unknown rule 'overstok'"),
        ({"send_to": {"kind": "email", "addresses": ["no address"]}}, "pattern"),
        ({"send_to": {"kind": "slack", "url": "https://hooks.example/secret"}}, "url"),
    ],
)
def test_a_recipient_that_cannot_be_meant_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        recipient(**settings)


def test_mails_need_a_server_and_a_password_never_travels_in_clear(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    for server, said in (
        ("", "expected 'server'"),
        ("server: {host: h, sender: a@b.example, user: u, password: {env: P}, tls: none}\n", "in clear"),
        ("server: {host: h, sender: a@b.example, user: u}\n", "'user' and 'password' together"),
    ):
        (tmp_path / "rules" / "notices.yml").write_text(
            f"{server}recipients:\n  us: {{send_to: {{kind: email, addresses: [a@b.example]}}}}\n"
        )
        with pytest.raises(ConfigError, match=re.escape(said)):
            load_notices(Paths(tmp_path, tmp_path))


def test_a_partner_that_the_company_does_not_have_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "notices.yml").write_text(
        "recipients:\n  us: {send_to: {kind: file, folder: out}, partners: [D01, D77]}\n"
    )
    with pytest.raises(ConfigError, match="D77") as caught:
        check_partners(load_notices(Paths(tmp_path, tmp_path)), NEWS, tmp_path)
    assert "notices.yml" in str(caught.value)


def test_a_digest_speaks_french_or_english_and_counts_what_it_leaves_to_the_next_one() -> None:
    mine = recipient(partners=["D01"], severity="critical", proposals=["reorder"], shown=1)
    found = digest("x", mine, NEWS, ())
    french = compose(found, mine, "fr", "Arvel", PARTNERS, REPORTS, TODAY)
    english = compose(found, mine, "en", "Arvel", PARTNERS, REPORTS, TODAY)

    assert french.subject == "Arvel : 1 alerte à traiter, 1 proposition"
    assert english.subject == "Arvel: 1 alert to look at, 1 proposal"
    assert (
        "- Surstock, D01 Nord SA : sell-out / sell-in du mois 70 % (limite 80 %), depuis le 01/05/2026, "
        "enjeu 12\u202f345,60 EUR. Freiner"
    ) in french.text
    assert (
        "- Overstock, D01 Nord SA: sell-out / sell-in of the month 70 % (limit 80 %), since 2026-05-01, "
        "at stake 12,345.60 EUR. Slow"
    ) in english.text
    assert "commander 108 (colis de 12), stock 20, 1\u202f540,00 EUR" in french.text
    assert "- P1 Vanne: order 108 (packs of 12), stock 20, 1,540.00 EUR" in english.text
    assert "- 1 de plus dans un prochain message" in french.text

    in_yen = replace(NEWS, alerts=(replace(NEWS.alerts[0], currency="JPY"),))
    yen = compose(digest("x", mine, in_yen, ()), mine, "en", "Arvel", PARTNERS, REPORTS, TODAY)
    assert "at stake 12,346 JPY. Slow" in yen.text
    assert "- 1 more in a later message" in english.text
    assert "P2" not in english.text

    following = digest("x", mine, NEWS, found.causes)
    later = compose(following, mine, "fr", "Arvel", PARTNERS, REPORTS, TODAY)
    assert later.subject == "Arvel : 1 proposition"
    assert [proposal.product for proposal in following.proposals] == ["P2"]
    assert "more" not in compose(following, mine, "en", "Arvel", PARTNERS, REPORTS, TODAY).text
    assert digest("x", mine, NEWS, {*found.causes, *following.causes}).causes == ()


def test_of_a_digest_in_two_messages_the_last_lines_of_a_kind_say_how_many_are_left() -> None:
    mine = recipient(partners=["D01"], rules=[], proposals=["reorder"], shown=2)
    proposals = tuple(a_proposal("reorder", "D01", f"P{number}") for number in range(5))
    found = digest("x", mine, News((), proposals, PARTNERS, TODAY), ())
    texts = [compose(half, mine, "en", "Arvel", PARTNERS, REPORTS, TODAY).text for half in found.halves()]
    assert ["3 more" in text for text in texts] == [False, True]


def test_an_alert_says_of_what_it_is_in_the_words_of_its_reader() -> None:
    mine = recipient(partners=["D01"])
    conflict = an_alert(
        "territory_conflict",
        "D01",
        item="deal_registered_twice|ENR-1|ENR-2",
        conflict_fr="Affaire enregistrée deux fois (Est SARL, Loire)",
        conflict_en="Deal registered twice (Est SARL, Loire)",
    )
    report = an_alert("missing_report", "D01", item="D01_ventes|2025-08-11")
    ours = an_alert("own_stock_shortage", "NONE", item="VAN0103", product_name="Vanne G1/2")
    gap = an_alert(
        "stock_gap",
        "D01",
        item="VAN0104",
        product_name="Vanne G1",
        cause_fr="Les ventes semblent comptées deux fois",
        cause_en="The sales seem to be counted twice",
    )
    tier = replace(REBATE, rule="rebate_tier_at_risk")
    told = Digest("x", (conflict, report, ours, gap, tier), ())
    text = compose(told, mine, "en", "Arvel", PARTNERS, REPORTS, TODAY).text
    assert "- Overstock, D01 Nord SA, deal registered twice (Est SARL, Loire): sell-out / sell-in" in text
    assert "- Overstock, D01 Nord SA (D01_ventes, 2025-08-11): sell-out" in text
    assert "- Overstock, VAN0103 Vanne G1/2: sell-out" in text
    assert "- Overstock, D01 Nord SA (VAN0104 Vanne G1): sell-out" in text
    assert "Slow down deliveries. Likely cause: the sales seem to be counted twice.\n" in text
    assert "D01 Nord SA (RFA Year-end rebate, 2026-01-01)" in text

    french = compose(told, mine, "fr", "Arvel", PARTNERS, REPORTS, TODAY).text
    assert "D01 Nord SA, affaire enregistrée deux fois (Est SARL, Loire) : " in french
    assert "D01 Nord SA (D01_ventes, 11/08/2025) : " in french
    assert "Freiner les livraisons. Cause probable : les ventes semblent comptées deux fois.\n" in french


@pytest.mark.parametrize(
    ("measure", "missing", "tier", "english", "french"),
    [
        ("units", "19", "1000", ("19 units", "1,000 units"), ("19 unités", "1\u202f000 unités")),
        (
            "amount",
            "259788.62",
            "500000",
            ("259,788.62 EUR", "500,000.00 EUR"),
            ("259\u202f788,62 EUR", "500\u202f000,00 EUR"),
        ),
        ("months", "2", "9", ("2 months", "9 months"), ("2 mois", "9 mois")),
        ("units", "1", "1.5", ("1 unit", "1.5 units"), ("1 unité", "1,5 unité")),
    ],
)
def test_a_partner_reads_how_much_of_what_is_missing_and_by_when(
    measure: str, missing: str, tier: str, english: tuple[str, str], french: tuple[str, str]
) -> None:
    mine = recipient(partner="D01")
    alert = replace(
        REBATE,
        measured=Decimal(missing),
        limit=Decimal(tier),
        figures=f"measured_value=981; measure_code={measure}; last_day=2026-12-31",
    )
    told = Digest("x", (alert,), ())
    in_english = compose(told, mine, "en", "Arvel", PARTNERS, REPORTS, TODAY).text
    in_french = compose(told, mine, "fr", "Arvel", PARTNERS, REPORTS, TODAY).text
    assert (
        f"- Year-end rebate (RFA): {english[0]} to go to the tier of {english[1]}, until 2026-12-31."
        in in_english
    )
    assert (
        f"- Remise de fin d'année (RFA) : il manque {french[0]} pour le palier de {french[1]}, "
        "jusqu'au 31/12/2026." in in_french
    )


def test_a_partner_reads_of_which_report_of_which_days_we_ask_for_it() -> None:
    mine = recipient(partner="D01")
    missing = an_alert(
        "missing_report",
        "D01",
        item="D01_ventes|2025-08-11",
        figures="period_count=1; first_start_date=2025-08-11; last_end_date=2025-08-17",
    )
    several = replace(
        missing, figures="period_count=2; first_start_date=2025-08-11; last_end_date=2025-08-24"
    )
    late = an_alert("late_report", "D01", item="D01_stock")
    told = Digest("x", (missing, several, late), ())
    french = compose(told, mine, "fr", "Arvel", PARTNERS, REPORTS, TODAY)
    assert french.subject == "Arvel : à votre attention, le 30/06/2026"
    assert french.text.splitlines()[2:5] == [
        "- Nous n'avons pas reçu votre rapport « Ventes hebdomadaires » du 11/08/2025 au 17/08/2025 : "
        "merci de nous l'envoyer.",
        "- Nous n'avons pas reçu vos rapports « Ventes hebdomadaires » du 11/08/2025 au 24/08/2025 : "
        "merci de nous les envoyer.",
        "- Vos rapports « D01_stock » nous arrivent en retard : merci de les envoyer à la date prévue.",
    ]
    english = compose(told, mine, "en", "Arvel", PARTNERS, REPORTS, TODAY)
    assert english.subject == "Arvel: for your attention, 2026-06-30"
    assert english.text.splitlines()[2:5] == [
        '- We have not received your report "Ventes hebdomadaires" of 2025-08-11 to 2025-08-17: '
        "please send it.",
        '- We have not received your reports "Ventes hebdomadaires" of 2025-08-11 to 2025-08-24: '
        "please send them.",
        '- Your reports "D01_stock" reach us late: please send them on the day agreed.',
    ]


def test_a_proposal_says_nothing_of_a_pack_that_nobody_knows_and_agrees_with_any_product() -> None:
    mine = recipient(partner="D01", proposals=["reorder", "novelty"])
    told = Digest(
        "x",
        (an_alert("late_report", "D01", item="D01_ventes"),),
        (
            a_proposal("reorder", "D01", pack=None, amount=None),
            a_proposal("novelty", "D01", product_name="Vanne", cause_date=TODAY),
        ),
    )
    french = compose(told, mine, "fr", "Arvel", PARTNERS, REPORTS, TODAY)
    assert french.subject == "Arvel : nos propositions du 30/06/2026"
    assert french.text.splitlines()[3:] == [
        "",
        "Réassort conseillé",
        "- P1 Vanne : commander 108, stock 20, montant inconnu",
        "Nouveautés à découvrir",
        "- P1 Vanne, lancement le 30/06/2026",
        "",
        "Arvel",
    ]
    english = compose(told, mine, "en", "Arvel", PARTNERS, REPORTS, TODAY).text
    assert "- P1 Vanne: order 108, stock 20, amount unknown" in english


@pytest.mark.parametrize(
    ("measured", "limit", "english", "french"),
    [
        ("1.0231", "1", "1.02 days (limit 1 day)", "1,02 jour (limite 1 jour)"),
        ("1.004", "1", "1 day (limit 1 day)", "1 jour (limite 1 jour)"),
        ("1.996", "0", "2 days (limit 0 days)", "2 jours (limite 0 jour)"),
        ("-0.004", "-1", "0 days (limit -1 day)", "0 jour (limite -1 jour)"),
        ("1234.5", "14", "1,234.5 days (limit 14 days)", "1\u202f234,5 jours (limite 14 jours)"),
    ],
)
def test_what_is_just_beyond_a_limit_does_not_read_as_the_limit_and_counts_as_it_reads(
    measured: str, limit: str, english: str, french: str
) -> None:
    mine = recipient(partners=["D01"])
    alert = an_alert("delivery_drift", "D01", unit="days", measured=Decimal(measured), limit=Decimal(limit))
    told = Digest("x", (alert,), ())
    assert f" {english}, since" in compose(told, mine, "en", "Arvel", PARTNERS, REPORTS, TODAY).text
    assert f" {french}, depuis" in compose(told, mine, "fr", "Arvel", PARTNERS, REPORTS, TODAY).text


def test_the_list_of_alerts_counts_units_as_it_shows_them() -> None:
    for measured, english, french in (
        ("1.00", "1 (0.05) unit", "1 (0,05) unité"),
        ("1.50", "1.50 (0.05) units", "1,50 (0,05) unité"),
        ("2.00", "2 (0.05) units", "2 (0,05) unités"),
    ):
        alert = an_alert("stock_gap", "D01", unit="units", measured=Decimal(measured), limit=Decimal("0.05"))
        assert measured_in_words(alert, "en").splitlines()[0] == english
        assert measured_in_words(alert, "fr").splitlines()[0] == french


def test_what_was_told_is_not_told_again_until_its_cause_is_another() -> None:
    mine = recipient(partners=["D01"], proposals=["reorder"])
    first = digest("x", mine, NEWS, ())
    assert digest("x", mine, NEWS, set(first.causes)).causes == ()

    ordered = News(NEWS.alerts, (a_proposal("reorder", "D01", cause_date=TODAY),), PARTNERS, TODAY)
    assert digest("x", mine, ordered, set(first.causes)).causes == ("reorder|D01|P1|2026-06-30",)


# --- the ledger ---


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[], Told]:
    return lambda: Told(tmp_path / "notices.sqlite")


MESSAGE = Message("subject", "text")


def test_a_message_and_its_causes_are_entered_together_or_not_at_all(ledger: Callable[[], Told]) -> None:
    causes: list[Any] = ["c", None]
    with ledger() as told:
        told.change(told.prepare("us", MESSAGE, ["a", "b"]).number, "sent")
        with pytest.raises(Exception, match="NOT NULL"):
            told.prepare("us", MESSAGE, causes)
        assert told.prepare("us", MESSAGE, ["d"]).number == 2
    with ledger() as told:
        assert told.causes("us") == {"a", "b"}
        assert told.causes("others") == set()


def test_causes_count_as_told_from_the_moment_on_in_which_their_message_may_have_arrived(
    ledger: Callable[[], Told],
) -> None:
    with ledger() as told:
        for state, known in (("prepared", False), ("failed", False), ("sending", True), ("sent", True)):
            entry = told.prepare("us", MESSAGE, [state])
            told.change(entry.number, state)
            assert (state in told.causes("us")) is known
        assert [entry.state for entry in told.entries("sending")] == ["sending"]
        told.change(told.prepare("us", MESSAGE, ["failed"]).number, "sent")
        assert told.causes("us") == {"failed", "sending", "sent"}
