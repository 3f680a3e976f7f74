"""Sources by REST, against a real server on this machine: pages, cursor, failure in the middle, restart."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.company import load_company
from connectors.errors import ConfigError
from connectors.sources.intake import attempt
from orchestration.settings import load_settings
from tests.unit.connectors.sources.conftest import Api, Site


def tickets(api: Api, **settings: Any) -> dict[str, Any]:
    return {
        "kind": "rest",
        "url": api.url,
        "resource": "v1/tickets",
        "records": "data.items",
        "paging": {"kind": "page_number"},
        "cursor": {"parameter": "since"},
        "retries": 1,
        "columns": {
            "ticket_number": "id",
            "partner_code": "partner.code",
            "opened_date": "opened",
            "closed_date": "closed",
            "updated_at": "changed",
        },
        **settings,
    }


def ticket(number: int, changed: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "partner": {"code": "D01"},
        "opened": "2026-03-01",
        "closed": None,
        "changed": changed,
        **fields,
    }


@pytest.fixture
def api_with_five(api: Api) -> Api:
    api.rows = [ticket(number, f"2026-03-0{number}T10:00:00Z") for number in range(1, 6)]
    return api


def test_all_pages_land_and_the_next_reading_goes_on_from_the_cursor(site: Site, api_with_five: Api) -> None:
    api = api_with_five
    site.connect(support_tickets=tickets(api))

    first = site.take_in()["support_tickets"]

    assert (first.rows_read, first.rows_landed) == (5, 5)
    assert [asked["page"] for asked in api.asked] == ["1", "2", "3", "4"]
    assert site.landed("support_tickets", "ticket_number, partner_code, _source_file, _source_row")[2] == (
        "3",
        "D01",
        "v1/tickets, page 2",
        3,
    )
    before = site.files()
    api.asked.clear()
    second = site.take_in()["support_tickets"]
    assert api.asked[0]["since"] == "2026-03-05T09:00:00Z"
    assert (second.state, second.rows_read, second.rows_landed) == ("unchanged", 1, 0)
    assert site.files() == before

    api.rows[0] = ticket(1, "2026-03-20T10:00:00Z", closed="2026-03-19")
    third = site.take_in()["support_tickets"]
    assert (third.rows_read, third.rows_landed) == (2, 1)
    assert site.landed("support_tickets", "ticket_number, closed_date::varchar")[-1] == ("1", "2026-03-19")


def test_a_source_that_fails_in_the_middle_leaves_nothing_and_is_read_whole_after_its_restart(
    site: Site, api_with_five: Api
) -> None:
    api = api_with_five
    site.connect(
        support_tickets=tickets(api),
        trainings={
            "kind": "file",
            "path": "trainings.csv",
            "columns": {
                "training_number": "no",
                "partner_code": "who",
                "course_code": {"value": "C"},
                "headcount": "people",
                "training_date": "day",
            },
        },
    )
    site.write("trainings.csv", "no,who,people,day\n1,D01,12,2026-03-02\n")
    api.fails = {2}

    outcomes = site.take_in()

    failed = outcomes["support_tickets"].error
    assert failed is not None
    assert failed.code == "source_unreachable"
    assert "503" in failed.problem
    assert [asked["page"] for asked in api.asked] == ["1", "2", "2"]
    assert outcomes["trainings"].rows_landed == 1
    assert [batch.source for batch in site.batches()] == ["trainings"]
    assert site.landed("support_tickets", "*") == []
    assert site.standing("support_tickets").read_at is None

    api.fails = set()
    assert site.take_in()["support_tickets"].rows_landed == 5
    assert site.standing("support_tickets").failure is None


def test_a_row_that_is_held_back_is_read_again_until_it_is_right(site: Site, api_with_five: Api) -> None:
    api = api_with_five
    api.rows[1] = ticket(2, "2026-03-02T10:00:00Z", opened="yesterday")
    site.connect(support_tickets=tickets(api))
    assert site.take_in()["support_tickets"].rows_held == 1
    batches = len(site.batches())

    again = site.take_in()["support_tickets"]

    assert (again.rows_read, again.rows_landed, again.rows_held) == (4, 0, 1)
    assert len(site.batches()) == batches
    (fault,) = site.faults("support_tickets")
    assert (fault.source_row, fault.column_name, fault.value) == (2, "opened", "yesterday")
    api.rows[1] = ticket(2, "2026-03-02T10:00:00Z", opened="2026-03-01")
    mended = site.take_in()["support_tickets"]
    assert (mended.rows_landed, mended.rows_held) == (1, 0)
    assert site.standing("support_tickets").cursor == "2026-03-05T10:00:00"


def test_a_secret_comes_from_the_environment_and_is_never_shown(
    site: Site, api_with_five: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_with_five
    api.token = "open sesame"  # noqa: S105 - of a server that lives as long as the test
    site.connect(support_tickets=tickets(api, auth={"kind": "bearer", "token": {"env": "TICKETS_TOKEN"}}))

    unset = site.take_in()["support_tickets"].error
    assert unset is not None
    assert unset.code == "missing_secret"
    monkeypatch.setenv("TICKETS_TOKEN", "wrong words")
    wrong = site.take_in()["support_tickets"].error
    assert wrong is not None
    assert wrong.code == "source_refused"
    assert "wrong words" not in str(wrong)
    monkeypatch.setenv("TICKETS_TOKEN", "open sesame")
    assert site.take_in()["support_tickets"].rows_landed == 5


def test_a_key_in_the_address_is_not_told_when_the_source_is_down(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "s3cr3t-key")
    nobody = Api("http://127.0.0.1:9")
    auth = {"kind": "api_key", "name": "key", "location": "query", "key": {"env": "KEY"}}
    site.connect(support_tickets=tickets(nobody, auth=auth))

    down = site.take_in()["support_tickets"].error

    assert down is not None
    assert down.code == "source_unreachable"
    assert "s3cr3t-key" not in str(down)
    assert "2 attempts" in down.problem


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>busy</html>", "no JSON"),
        ({"error": "busy"}, "no list of rows"),
        ({"data": {"items": None}}, "no list of rows"),
        ({"data": {"items": ["a"]}}, "no named fields"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_and_not_an_empty_page(
    site: Site, api: Api, answer: Any, said: str
) -> None:
    site.connect(support_tickets=tickets(api))
    api.answer = lambda asked: answer

    error = site.take_in()["support_tickets"].error

    assert error is not None
    assert error.code == "source_shape"
    assert said in error.problem
    assert site.batches() == []


@pytest.mark.parametrize(
    ("paging", "pages"),
    [
        (
            {"kind": "offset", "size": 2, "total": "count"},
            [{"limit": "2", "offset": "0"}, {"limit": "2", "offset": "2"}, {"limit": "2", "offset": "4"}],
        ),
        (
            {"kind": "token", "path": "next", "parameter": "after"},
            [{}, {"after": "2"}, {"after": "4"}],
        ),
        ({"kind": "none"}, [{}]),
    ],
)
def test_each_way_of_paging_brings_every_row_once(
    site: Site, api_with_five: Api, paging: dict[str, Any], pages: list[dict[str, str]]
) -> None:
    api = api_with_five

    def answer(asked: dict[str, str]) -> Any:
        start = int(asked.get("offset", asked.get("after", "0")))
        rows = api.rows if paging["kind"] == "none" else api.rows[start : start + 2]
        more = {"next": str(start + 2)} if start + 2 < len(api.rows) else {}
        return {"items": rows, "count": len(api.rows), **more}

    api.answer = answer
    site.connect(support_tickets=tickets(api, paging=paging, records="items", cursor=None))

    assert site.take_in()["support_tickets"].rows_landed == 5
    assert api.asked == pages


def pages_of(rows: list[Any], size: int = 2, **more: Any) -> Any:
    """What a server answers that knows page numbers and offsets."""

    def answer(asked: dict[str, str]) -> Any:
        start = int(asked["offset"]) if "offset" in asked else size * (int(asked.get("page", "1")) - 1)
        return {"items": rows[start : start + size], **more}

    return answer


PAGES = {"kind": "page_number", "total": "pages"}
OFFSETS = {"kind": "offset", "size": 2, "total": "count"}


@pytest.mark.parametrize(
    ("paging", "answer", "code"),
    [
        # The second of three pages is empty.
        (PAGES, lambda rows: pages_of(rows[:2], pages=3), "source_incomplete"),
        (OFFSETS, lambda rows: pages_of(rows[:4], count=5), "source_incomplete"),
        # At most two rows are given where three are asked for: each third one is passed over.
        ({"kind": "offset", "size": 3}, lambda rows: pages_of(rows), "source_incomplete"),
        ({"kind": "page_number", "parameter": "p"}, lambda rows: pages_of(rows), "source_repeats"),
        (
            {"kind": "token", "path": "next", "parameter": "after"},
            lambda rows: pages_of(rows, next="t"),
            "source_repeats",
        ),
        (PAGES, lambda rows: pages_of(rows), "source_shape"),
        (PAGES, lambda rows: pages_of(rows, pages="many"), "source_shape"),
        ({**PAGES, "total": "pages["}, lambda rows: pages_of(rows, pages=3), "source_shape"),
        ({"kind": "link", "path": "next"}, lambda rows: pages_of(rows, next={"href": "/2"}), "source_shape"),
    ],
)
def test_pages_that_do_not_add_up_land_nothing_and_stop_no_run(
    site: Site, api_with_five: Api, paging: dict[str, Any], answer: Any, code: str
) -> None:
    api_with_five.answer = answer(api_with_five.rows)
    site.connect(support_tickets=tickets(api_with_five, paging=paging, records="items", cursor=None))

    error = site.take_in()["support_tickets"].error

    assert error is not None
    assert error.code == code
    assert site.batches() == []


def test_rows_that_are_deleted_while_pages_are_read_refuse_the_reading(
    site: Site, api_with_five: Api
) -> None:
    rows = api_with_five.rows

    def answer(asked: dict[str, str]) -> Any:
        if asked["offset"] == "2":
            del rows[0]
        start = int(asked["offset"])
        return {"items": rows[start : start + 2], "count": len(rows)}

    api_with_five.answer = answer
    site.connect(support_tickets=tickets(api_with_five, paging=OFFSETS, records="items", cursor=None))

    error = site.take_in()["support_tickets"].error

    assert error is not None
    assert error.problem == "its pages ended after 4 of 5 rows"


def test_a_last_page_without_rows_is_no_fault(site: Site, api_with_five: Api) -> None:
    api_with_five.answer = pages_of(api_with_five.rows, pages=4)
    site.connect(support_tickets=tickets(api_with_five, paging=PAGES, records="items", cursor=None))

    assert site.take_in()["support_tickets"].rows_landed == 5


@pytest.mark.parametrize(
    ("opened", "day"),
    [
        ("2026-01-31T23:30:00Z", "2026-02-01"),
        ("2026-02-01T01:30:00+03:00", "2026-01-31"),
        ("2026-01-31T23:30:00", "2026-01-31"),
        ("2026-01-31", "2026-01-31"),
    ],
)
def test_the_day_of_an_instant_is_that_of_the_companys_time_zone(
    site: Site, api: Api, opened: str, day: str
) -> None:
    api.rows = [ticket(1, "2026-03-01T10:00:00Z", opened=opened)]
    site.connect(support_tickets=tickets(api))
    site.take_in()

    assert site.landed("support_tickets", "opened_date::varchar") == [(day,)]


def test_a_crm_brings_opportunities_in_place_of_the_erp_and_never_beside_it(site: Site, api: Api) -> None:
    crm = {
        "kind": "rest",
        "url": api.url,
        "resource": "deals",
        "paging": {"kind": "none"},
        "is_complete": True,
        "columns": {
            "opportunity_number": "id",
            "stage_code": {"column": "stage", "codes": {"lead": "open", "closed won": "won"}},
            "announced_amount": "amount",
            "currency_code": {"value": "EUR"},
            "created_date": "created",
        },
    }
    site.connect(opportunities=crm)
    api.answer = lambda asked: [
        {"id": 7, "stage": "closed won", "amount": 1234.5, "created": "2026-03-01T08:00:00+01:00"}
    ]
    with pytest.raises(ConfigError, match=r"leave_out: \[opportunities\]"):
        load_settings(site.folder, site.folder / "data")
    company = site.folder / "company.yml"
    company.write_text(
        company.read_text().replace("  url: sqlite://", "  url: sqlite://\n  leave_out: [opportunities]")
    )
    load_settings(site.folder, site.folder / "data")

    site.take_in()

    columns = "opportunity_number, stage_code, announced_amount::varchar, created_date::varchar"
    assert site.landed("opportunities", columns, "erp") == [("7", "won", "1234.5000", "2026-03-01")]
    (batch,) = site.batches("erp")
    assert (batch.source, batch.totals["amount"]) == ("opportunities", "1234.5000")


def test_a_cursor_needs_the_instant_of_the_change_and_paging_must_be_said(site: Site, api: Api) -> None:
    without = tickets(api)
    del without["columns"]["updated_at"]
    site.connect(support_tickets=without)
    with pytest.raises(ConfigError, match="updated_at"):
        load_company(site.paths)
    unsaid = tickets(api)
    del unsaid["paging"]
    site.connect(support_tickets=unsaid)
    with pytest.raises(ConfigError, match="paging"):
        load_company(site.paths)


def test_the_doctor_asks_for_one_page_and_lands_nothing(site: Site, api_with_five: Api) -> None:
    site.connect(support_tickets=tickets(api_with_five))

    company = load_company(site.paths)
    found = attempt(company.sources["support_tickets"], company.zone)

    assert "2 rows on the first page, 0 with faults" in found
    assert len(api_with_five.asked) == 1
    assert site.batches() == []
