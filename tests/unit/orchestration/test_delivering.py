"""A round of notices tells each cause once, whatever happens in between."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from connectors.errors import ConfigError
from connectors.notices import Webhook
from orchestration import delivering
from orchestration.cli import app
from orchestration.delivering import tell
from orchestration.sending import InDoubt, NotSent, _payload
from orchestration.settings import Settings, load_settings
from orchestration.told import Told
from tests.unit.orchestration.smtp_server import Mailbox, listening

COMPANY = """
company: {code: acme, name: Acme}
locale: en
as_of_date: 2026-06-30
erp: {kind: sql, url: "sqlite:///erp.sqlite", queries: erp}
inbox: {path: inbox}
"""
NOTICES = """
recipients:
  us: {send_to: {kind: file, folder: "${AVAL_DATA}/out"}}
  D01: {partner: D01, send_to: {kind: file, folder: "${AVAL_DATA}/out"}, proposals: [reorder]}
"""
PUBLISHED = """
create schema core; create schema marts;
create table marts.publication as select date '2026-06-28' as as_of_date;
create table core.dim_partners as select 'D01' as partner_code, 'Nord' as partner_name, true as is_current;
create table core.dim_products as select 'P1' as product_code, 'Valve' as product_name;
create table core.dim_rebate_programmes (programme_code varchar, programme_version_date date,
    programme_name_fr varchar, programme_name_en varchar);
create table marts.mart_territory_conflicts (conflict_code varchar, kind_name_fr varchar,
    kind_name_en varchar, other_partner_name varchar, territory_name varchar);
create table core.dim_gap_causes as select 'missing_sell_out' as gap_cause_code,
    'Il manque du stock' as gap_cause_name_fr, 'Stock is missing' as gap_cause_name_en;
create table marts.mart_partner_proposals_weekly as select 'reorder' as proposal_kind_code,
    'D01' as partner_code, 'P1' as product_code, 12.0 as proposed_quantity, 12.0 as pack_quantity,
    60.0 as proposed_amount, 'EUR' as currency_code, 3.0 as on_hand_quantity, 0.5 as weeks_of_supply,
    date '2026-06-01' as cause_date;
create table marts.fct_alerts as select 'no_order|D01|2026-06-01' as alert_id, 'no_order' as rule_code,
    'critical' as severity_code, 1 as severity_number, 'D01' as subject_code, 'D01' as partner_code,
    'partner' as subject_kind_code, null::varchar as item_code, null::varchar as product_code,
    'open' as status_code, date '2026-06-01' as since_date,
    date '2026-06-08' as first_seen_date, date '2026-06-30' as last_seen_date, null::date as resolved_date,
    null::date as muted_until_date, 77.0 as measured_value, 61.0 as limit_value, 'days' as unit_code,
    'x=1' as figures, 100.0 as at_stake_amount, 'EUR' as currency_code, 'Silence' as rule_name_fr,
    'Silence' as rule_name_en, 'Temps sans commande' as measure_fr, 'Time without an order' as measure_en,
    'Appeler.' as action_fr, 'Call.' as action_en;
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A company with an alert and a proposal, told to one of us and to the partner; its last run is two days
    old.
    """
    # load_settings exports its paths; set here, they are taken back after the test.
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", "")
    company, published = tmp_path / "company", tmp_path / "data" / "published"
    (company / "rules").mkdir(parents=True)
    published.mkdir(parents=True)
    (company / "company.yml").write_text(COMPANY)
    (company / "rules" / "notices.yml").write_text(NOTICES)
    with duckdb.connect(str(published / "v1.duckdb")) as connection:
        connection.execute(PUBLISHED)
    (published / "current.duckdb").symlink_to("v1.duckdb")
    return load_settings(company, tmp_path / "data")


def arrived(settings: Settings) -> list[str]:
    return sorted(path.read_text().partition("\n")[0] for path in (settings.paths.data / "out").glob("*"))


BOTH = ["Acme: 1 alert to look at", "Acme: our proposals of 2026-06-28"]


def test_a_dry_run_shows_everything_and_sends_and_keeps_nothing(settings: Settings) -> None:
    for _ in range(2):
        shown = tell(settings, send=False)
        assert sorted(message.subject for _, message in shown.messages) == BOTH
    assert arrived(settings) == []


def test_what_was_sent_is_never_sent_again(settings: Settings) -> None:
    assert tell(settings, send=True).sent == 2
    assert tell(settings, send=True).messages == []
    assert arrived(settings) == BOTH


def test_a_mail_arrives_at_a_server_once_though_it_was_down_and_is_asked_for_again(
    settings: Settings,
) -> None:
    mailbox = Mailbox()
    mailbox.answer = "451 try later"
    with listening(mailbox) as port:
        (settings.paths.company / "rules" / "notices.yml").write_text(
            f"server: {{host: 127.0.0.1, port: {port}, tls: none, sender: aval@acme.example}}\n"
            "recipients:\n  us: {send_to: {kind: email, addresses: [ana@acme.example]}}\n"
        )
        assert tell(settings, send=True).sent == 0
        mailbox.answer = "250 taken"
        assert [tell(settings, send=True).sent for _ in range(3)] == [1, 0, 0]
    ((addresses, mail),) = mailbox.mails
    assert addresses == ["ana@acme.example"]
    assert mail["Subject"] == BOTH[0]


def test_an_address_of_several_that_a_server_refuses_is_told_and_ends_with_an_exit_code(
    settings: Settings,
) -> None:
    mailbox = Mailbox()
    mailbox.refused = {"leo@acme.example"}
    with listening(mailbox) as port:
        (settings.paths.company / "rules" / "notices.yml").write_text(
            f"server: {{host: 127.0.0.1, port: {port}, tls: none, sender: aval@acme.example}}\n"
            "recipients:\n"
            "  us: {send_to: {kind: email, addresses: [ana@acme.example, leo@acme.example]}}\n"
        )
        options = ["--company", str(settings.paths.company), "--data", str(settings.paths.data)]
        send = ["notices", "--send", *options]
        result = CliRunner().invoke(app, send, env={"COLUMNS": "200"})
        later = CliRunner().invoke(app, send, env={"COLUMNS": "200"})
    assert (result.exit_code, later.exit_code) == (1, 0)
    assert "sent in part: 1 to us: refused for leo@acme.example (550 unknown)" in result.output
    assert "1 of 1 messages sent" in result.output
    assert [addresses for addresses, _ in mailbox.mails] == [["ana@acme.example"]]


@pytest.mark.parametrize(("kind", "bytes_taken"), [("teams", 28 * 1024), ("slack", 40_000)])
def test_what_is_more_than_a_channel_takes_goes_in_several_messages_and_nothing_is_cut_off(
    settings: Settings, kind: str, bytes_taken: int
) -> None:
    """Slack cuts a longer text off, and Teams refuses it, today and at each try."""
    with duckdb.connect(str(settings.paths.published / "v1.duckdb")) as connection:
        connection.execute(
            "insert into marts.fct_alerts select * exclude (n) replace ('missing_report|P' || n as alert_id, "
            "'missing_report' as rule_code, 'P' || n as partner_code, 'P' || n as subject_code) "
            "from marts.fct_alerts, range(1000, 1600) as numbers (n)"
        )
    (settings.paths.company / "rules" / "notices.yml").write_text(
        f"recipients:\n  us: {{send_to: {{kind: {kind}, url: {{env: HOOK_URL}}}}, language: fr}}\n"
    )
    messages = [message for _, message in tell(settings, send=False).messages]

    channel = Webhook.model_validate({"kind": kind, "url": {"env": "HOOK_URL"}})
    sent = [json.dumps(_payload(channel, message)) for message in messages]
    assert all(len(body) <= bytes_taken for body in sent)
    told = re.findall(r"(P\d{4}) :", "".join(sent))
    assert sorted(told) == [f"P{n}" for n in range(1000, 1600)]
    assert {name for name, _ in tell(settings, send=False, only="us").messages} == {"us"}


def down(*_: Any) -> None:
    raise NotSent("not_sent", "the server is down", "wait")


def test_what_was_not_taken_is_tried_again_once_it_can_be(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "send", down)
        failed = tell(settings, send=True)
        assert failed.sent == 0
        assert [entry.remark for entry in failed.failed] == ["the server is down -> wait"] * 2
        tell(settings, send=True)
    done = tell(settings, send=True)
    assert (done.sent, list(done.failed)) == (2, [])
    assert arrived(settings) == BOTH


def test_what_was_not_taken_is_told_as_it_is_once_it_can_be_and_not_as_it_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server is down for a week. Meanwhile an alert is resolved, and another one comes."""
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "send", down)
        tell(settings, send=True)
    with duckdb.connect(str(settings.paths.published / "v1.duckdb")) as connection:
        connection.execute(
            "insert into marts.fct_alerts select * replace ('overstock|D01|2026-06-01' as alert_id, "
            "'Overstock' as rule_name_en) from marts.fct_alerts"
        )
        connection.execute(
            "update marts.fct_alerts set status_code = 'resolved' where rule_name_en = 'Silence'"
        )
    done = tell(settings, send=True, only="us")
    ((_, message),) = done.messages
    assert "Overstock" in message.text
    assert "Silence" not in message.text
    assert (done.sent, list(done.failed)) == (1, [])
    assert tell(settings, send=True, only="us").messages == []


def test_what_was_for_a_recipient_that_is_told_no_more_fails_no_later_round(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(*given: Any) -> None:
        given[-1]()
        raise InDoubt("in_doubt", "the connection broke", "ask")

    for trouble in (down, breaks_off):
        with monkeypatch.context() as patch:
            patch.setattr(delivering, "send", trouble)
            tell(settings, send=True, only="us")
    rules = settings.paths.company / "rules" / "notices.yml"
    rules.write_text(rules.read_text().replace("  us:", "  them:"))
    done = tell(settings, send=True)
    assert (done.sent, list(done.failed), list(done.in_doubt)) == (2, [], [])
    with pytest.raises(ConfigError, match="message 2 is to 'us'"):
        tell(settings, send=True, again=2)


def test_a_run_that_dies_before_sending_leaves_it_to_the_next_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "send", dies)
        with pytest.raises(KeyboardInterrupt):
            tell(settings, send=True)
    assert tell(settings, send=True).sent == 2
    assert arrived(settings) == BOTH


def test_a_run_that_dies_while_sending_leaves_a_doubt_that_only_a_person_resolves(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = Told.change

    def dies_once_sent(told: Told, number: int, state: Any, remark: str | None = None) -> None:
        if state == "sent":
            raise KeyboardInterrupt
        change(told, number, state, remark)

    with monkeypatch.context() as patch:
        patch.setattr(Told, "change", dies_once_sent)
        with pytest.raises(KeyboardInterrupt):
            tell(settings, send=True)
    first = arrived(settings)
    assert len(first) == 1

    # The other message had been entered and not been sent.
    later = tell(settings, send=True)
    assert later.sent == 1
    assert [entry.recipient for entry in later.in_doubt] == ["us"]
    assert arrived(settings) == BOTH
    assert tell(settings, send=True).messages == []

    with pytest.raises(ConfigError, match="--send"):
        tell(settings, send=False, again=later.in_doubt[0].number)
    assert len(tell(settings, send=False).in_doubt) == 1
    again = tell(settings, send=True, again=later.in_doubt[0].number)
    assert (again.sent, list(again.in_doubt)) == (1, [])
    assert arrived(settings) == BOTH


def test_a_doubt_ends_when_a_person_says_that_it_arrived_and_nothing_is_sent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(*given: Any) -> None:
        given[-1]()
        raise InDoubt("in_doubt", "the connection broke", "ask")

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "send", breaks_off)
        (doubt,) = tell(settings, send=True, only="us").in_doubt
    options = ["--company", str(settings.paths.company), "--data", str(settings.paths.data)]

    def run(*more: str) -> int:
        return CliRunner().invoke(app, ["notices", "--recipient", "us", *more, *options]).exit_code

    assert run("--arrived", "1") == 2  # without --send nothing is entered
    assert run("--send") == 1
    assert run("--send", "--arrived", str(doubt.number)) == 0
    assert run("--send") == 0
    assert arrived(settings) == []
    assert run("--send", "--arrived", str(doubt.number)) == 2  # it is in doubt no more


def test_the_command_shows_then_sends_and_names_an_unknown_recipient(settings: Settings) -> None:
    options = ["--company", str(settings.paths.company), "--data", str(settings.paths.data)]

    def run(*more: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["notices", *options, *more], env={"COLUMNS": "200"})
        return result.exit_code, result.output

    code, output = run()
    assert code == 0
    assert "2 messages would be sent" in output
    measured = "time without an order 77 days (limit 61 days)"
    assert f"Silence, D01 Nord: {measured}, since 2026-06-01, at stake 100.00 EUR. Call." in output
    code, output = run("--send", "--recipient", "D01")
    assert (code, "1 of 1 messages sent" in output) == (0, True)
    code, output = run("--recipient", "D01")
    assert "there is nothing new to tell" in output
    code, output = run("--recipient", "D02")
    assert code == 2
    assert "there is no recipient 'D02'" in output


def test_a_partner_unknown_to_the_erp_stops_the_round_before_anything_is_sent(settings: Settings) -> None:
    path = settings.paths.company / "rules" / "notices.yml"
    path.write_text(path.read_text().replace("partner: D01", "partner: D77"))
    with pytest.raises(ConfigError, match="D77"):
        tell(settings, send=True)
    assert arrived(settings) == []


def test_a_mute_of_what_nobody_is_told_of_says_so_and_the_list_speaks_the_company_s_language(
    settings: Settings,
) -> None:
    def said(*arguments: str) -> str:
        places = ["--company", str(settings.paths.company), "--data", str(settings.paths.data)]
        result = CliRunner().invoke(app, ["alerts", *arguments, *places], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        return result.output

    assert "no open alert" not in said("mute", "no_order", "D01", "--until", "2026-09-01", "-r", "strike")
    assert "no open alert" in said("mute", "no_order", "D10", "--until", "2026-09-01", "-r", "strike")
    english = said()
    assert "77 (61) days" in english
    assert "1 alert\n" in english
    company = settings.paths.company / "company.yml"
    company.write_text(company.read_text().replace("locale: en", "locale: fr"))
    french = said()
    assert "77 (61) jours" in french
    assert "Alertes à la date du 28/06/2026" in french


def test_a_stock_that_does_not_agree_is_listed_with_its_likely_cause(settings: Settings) -> None:
    with duckdb.connect(str(settings.paths.published / "v1.duckdb")) as connection:
        connection.execute(
            "update marts.fct_alerts set rule_code = 'stock_gap', "
            "figures = 'likely_cause_code=missing_sell_out; gap_quantity=-7'"
        )
    places = ["--company", str(settings.paths.company), "--data", str(settings.paths.data)]
    result = CliRunner().invoke(app, ["alerts", *places], env={"COLUMNS": "200"})
    assert "Likely cause: stock is missing." in " ".join(result.output.split())
    ((_, message),) = tell(settings, send=False, only="us").messages
    assert "Call. Likely cause: stock is missing." in message.text


def test_an_alert_of_no_partner_is_listed_in_words_and_muted_by_them(settings: Settings) -> None:
    with duckdb.connect(str(settings.paths.published / "v1.duckdb")) as connection:
        for rule, subject in (("own_stock_shortage", "NONE|P1"), ("reconciliation_difference", "NONE|FA7")):
            connection.execute(
                "insert into marts.fct_alerts select * replace (? as alert_id, ? as rule_code, "
                "? as subject_code, 'NONE' as partner_code) from marts.fct_alerts limit 1",
                [f"{rule}|{subject}", rule, subject],
            )

    def said(*arguments: str) -> str:
        places = ["--company", str(settings.paths.company), "--data", str(settings.paths.data)]
        result = CliRunner().invoke(app, ["alerts", *arguments, *places], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        return result.output

    company = settings.paths.company / "company.yml"
    english = company.read_text()
    for locale, ours, nobody in (
        ("en", "our stock|P1", "no partner|FA7"),
        ("fr", "notre stock|P1", "sans partenaire|FA7"),
    ):
        company.write_text(english.replace("locale: en", f"locale: {locale}"))
        listed = said()
        assert ours in listed
        assert nobody in listed
        assert "NONE" not in listed
        muted = said("mute", "own_stock_shortage", ours, "--until", "2026-09-01", "-r", "on its way")
        assert "no open alert" not in muted
    mutes = (settings.paths.company / "rules" / "alert_mutes.csv").read_text().splitlines()
    assert [line.split(";")[1] for line in mutes[1:]] == ["NONE|P1", "NONE|P1"]
