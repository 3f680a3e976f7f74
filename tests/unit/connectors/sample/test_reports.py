"""The partners' reports: every layout exists, and the profiles read them as the sender meant them."""

from __future__ import annotations

import zipfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from connectors.company import Company, CompanyIdentity, Erp, Inbox, Paths
from connectors.feeds.intake.run import take_in
from connectors.feeds.profile import load_profiles
from connectors.ledger import Ledger
from connectors.sample import plants
from connectors.sample.catalogue import BOX, PCE
from connectors.sample.edi import X12, Edifact
from connectors.sample.generator import Simulation, deliver
from connectors.sample.layouts import Text, Workbook, amount_text
from connectors.sample.reports import Report, own_code
from connectors.sample.senders import FEEDS, span_of
from connectors.sample.stores import list_lines

FEEDS_FOLDER = Path(__file__).parents[4] / "examples" / "demo" / "feeds"


def find(reports: list[Report], feed: str, span: str) -> list[Report]:
    return [report for report in reports if report.feed.code == feed and report.span.key == span]


def test_each_sender_has_a_profile_and_each_profile_a_sender() -> None:
    profiles = load_profiles(FEEDS_FOLDER)
    assert set(profiles) == {feed.code for feed in FEEDS}
    assert {code: profile.partner for code, profile in profiles.items()} == {
        feed.code: feed.partner for feed in FEEDS
    }


def test_all_promised_layouts_exist(reports: list[Report]) -> None:
    layouts = [feed.layout for feed in FEEDS]
    texts = [layout for layout in layouts if isinstance(layout, Text)]
    books = [layout for layout in layouts if isinstance(layout, Workbook)]
    assert any(text.delimiter == ";" and text.decimal == "," and text.encoding == "cp1252" for text in texts)
    assert {"utf-8-sig", "utf-16", "iso8859-15"} <= {text.encoding for text in texts}
    assert {"\t", "|", ","} <= {text.delimiter for text in texts}
    assert any(book.title and book.groups for book in books)
    assert any(layout.foot for layout in texts)
    assert any(layout.foot for layout in books)
    assert {Edifact, X12} <= {type(layout) for layout in layouts}
    assert any(feed.wide and feed.frequency == "week" for feed in FEEDS)
    assert any("own_code" in feed.fields for feed in FEEDS)
    assert any("gtin" in feed.fields and "code" not in feed.fields for feed in FEEDS)
    assert any("net_sold" in feed.fields for feed in FEEDS)
    assert any("signed" in feed.fields for feed in FEEDS)
    assert any("amount_with_tax" in feed.fields for feed in FEEDS)
    assert any(feed.packs for feed in FEEDS)
    assert {feed.frequency for feed in FEEDS} == {"day", "week", "month"}
    assert 1000 <= len(reports) <= 1500
    assert 150_000 <= sum(len(report.lines) for report in reports) <= 300_000


def test_profiles_read_what_the_senders_meant(reports: list[Report], tmp_path: Path) -> None:
    """The first file of every feed, and every file in which something is planted."""
    seen: set[str] = set()
    chosen = []
    for report in reports:
        if (
            report.feed.code not in seen
            or report.plant
            or report.quarantined
            or report.span.key in ("2025-08", "2025-W21")
        ):
            chosen.append(report)
            seen.add(report.feed.code)
    company = Company(
        company=CompanyIdentity(code="arvel", name="Arvel"),
        erp=Erp(kind="sql", url="sqlite://", queries=tmp_path),
        inbox=Inbox(path=tmp_path / "inbox"),
    )
    for report in chosen:
        deliver(tmp_path / "inbox", report)
    paths = Paths(tmp_path, tmp_path / "data")
    with pytest.MonkeyPatch.context() as patch, Ledger(paths.ledger) as ledger:
        patch.setenv("AVAL_PSEUDONYM_KEY", "a key of the tests, thirty-two characters long")
        summary = take_in(
            paths, company, load_profiles(FEEDS_FOLDER), ledger, now=datetime(2026, 6, 30, 21, tzinfo=UTC)
        )
    outcomes = {outcome.file_name: outcome for outcome in summary.files}
    assert len(outcomes) == len(chosen)
    for report in chosen:
        outcome = outcomes[report.path]
        # A superseded report is landed first and superseded by the one that comes later.
        assert outcome.state == ("landed" if report.state == "superseded" else report.state), outcome
        if outcome.state == "landed":
            assert outcome.feed_code == report.feed.code
            assert dict(outcome.reasons) == report.quarantined, report.path
            assert outcome.rows_read == report.rows + report.skipped, report.path
            assert outcome.rows_accepted == report.rows - sum(report.quarantined.values())
    assert Counter(outcome.state for outcome in summary.files)["rejected"] == 2


def test_a_weekly_report_is_written_as_a_person_of_that_house_would_write_it(
    simulation: Simulation, reports: list[Report]
) -> None:
    (report,) = find(reports, "D03_ventes", "2025-W10")
    lines = report.content.decode("cp1252").split("\r\n")
    assert lines[0] == "ARMOR ÉQUIPEMENTS - Rennes"
    assert lines[3] == "Code article;Désignation;Quantité;Montant TTC"
    code, label, quantity, amount = lines[4].split(";")
    product = next(product for product in simulation.products if product.code == code)
    assert label == product.name
    assert int(quantity) > 0
    assert amount.partition(",")[0].replace(" ", "").isdigit()
    total = lines[-2].split(";")
    quantities = [int(line.split(";")[2].replace(" ", "")) for line in lines[4:-3]]
    assert total[0] == "TOTAL"
    assert int(total[2].replace(" ", "")) == sum(quantities)


def test_weeks_of_a_wide_report_belong_to_the_month_of_their_thursday(reports: list[Report]) -> None:
    (january,) = find(reports, "D04_large", "2026-01")
    assert january.content.decode().split("\n")[0].split(";")[2:] == [
        "S01 2026",
        "S02 2026",
        "S03 2026",
        "S04 2026",
        "S05 2026",
    ]


def test_a_restated_report_is_sent_again_later_with_more_pieces(reports: list[Report]) -> None:
    first, second = find(reports, "D02_hebdo", "2025-W10")
    assert (first.state, second.state) == ("superseded", "landed")
    assert second.delivered - first.delivered == timedelta(days=24)
    assert second.lines.sold.sum() > first.lines.sold.sum()


def test_the_duplicate_has_the_same_bytes_under_another_name(reports: list[Report]) -> None:
    first, again = find(reports, "D01_ventes", "2025-W21")
    assert first.content == again.content
    assert first.path != again.path
    assert again.state == "duplicate"


def test_missing_weeks_are_not_sent_and_a_month_without_sales_is_sent_empty(reports: list[Report]) -> None:
    for week in ("2025-W33", "2025-W34", "2025-W35"):
        assert find(reports, "D03_ventes", week) == []
    assert find(reports, "D15_mensuel", "2025-08") == []
    (empty,) = find(reports, "D18_mensuel", "2025-08")
    assert empty.content.decode().split("\r\n") == ["Référence;Unité;Quantité;Reprises;CA HT", ""]


def test_the_damaged_workbook_cannot_be_opened(reports: list[Report]) -> None:
    (damaged,) = find(reports, "D06_mensuel", "2025-10")
    assert not zipfile.is_zipfile(BytesIO(damaged.content))


def test_boxes_and_pieces_add_up_to_what_was_sold(simulation: Simulation, reports: list[Report]) -> None:
    (report,) = find(reports, "D16_ventes", "2025-03")
    lines = report.lines
    box = [
        simulation.products[product].family.box
        for product in simulation.listings.product[lines.pair].tolist()
    ]
    reported = sum(
        sold * (size if unit == BOX else 1)
        for sold, unit, size in zip(lines.sold.tolist(), lines.unit.tolist(), box, strict=True)
    )
    first = (date(2025, 3, 1) - date(2024, 7, 1)).days
    mine = simulation.listings.partner == simulation.listings.partner[lines.pair[0]]
    assert reported == simulation.trade.sold[first : first + 31, mine].sum()


def test_a_code_that_changed_its_meaning_reads_the_same() -> None:
    day = date(2026, 1, 1)
    assert own_code("D12", "RAC0402", 16, PCE, day) == own_code("D12", "RAC0404", 18, PCE, day) == "BC2040"


def test_crosswalks_translate_every_code_but_the_one_that_nobody_knows(simulation: Simulation) -> None:
    day = date(2026, 6, 1)
    for partner, units in (("D08", (PCE,)), ("D12", (PCE,)), ("D16", (PCE, BOX))):
        rows = (FEEDS_FOLDER / f"{partner}_crosswalk.csv").read_text(encoding="utf-8").splitlines()[1:]
        known = {(code, product, unit) for code, product, unit, _, _ in (row.split(";") for row in rows)}
        for number, product in enumerate(simulation.products):
            for unit in units:
                code = own_code(partner, product.code, number, unit, day)
                expected = (code, product.code, "BOX" if unit == BOX else "PCE")
                assert (expected in known) == (code != "LFT-90417")


@pytest.mark.parametrize(
    ("cents", "expected"), [(123456789, "1 234 567,89"), (-5, "-0,05"), (100, "1,00"), (-123400, "-1 234,00")]
)
def test_amounts_are_written_the_french_way(cents: int, expected: str) -> None:
    assert amount_text(cents, ",", " ") == expected


def test_the_last_week_of_a_year_may_belong_to_the_next_one() -> None:
    assert span_of(date(2024, 12, 31), "week").key == "2025-W01"


def test_the_companys_list_holds_every_store_under_the_codes_it_knows() -> None:
    lines = (FEEDS_FOLDER.parent / "rules" / "stores.csv").read_text(encoding="utf-8").splitlines()
    assert lines == list_lines()
    known = {tuple(line.split(";")[2:4]) for line in lines[1:]}
    reported = {(feed.partner, store) for feed in FEEDS for store in feed.stores}
    assert reported - known == {plants.UNLISTED_STORE}
