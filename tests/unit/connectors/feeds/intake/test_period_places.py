"""A period that stands above the header, and one that is named without its year."""

from __future__ import annotations

import io
import os
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

MONTH = r"(?P<month>[^\W\d_]{3,10})"
ABOVE = {"frequency": "month", "source": "above", "pattern": rf"Période : {MONTH} (?P<year>\d{{4}})"}
TABLE = "Ref;Qty;Amount\nA;1;2\n"
EXCEL = {"kind": "excel", "header_row": 3}


def text(header_row: int = 1) -> dict[str, Any]:
    return {"kind": "delimited", "encoding": "utf-8", "delimiter": ";", "header_row": header_row}


def book(*sheets: list[list[Any]]) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for number, rows in enumerate(sheets):
        sheet = workbook.create_sheet(f"S{number}")
        for row in rows:
            sheet.append(row)
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def came(desk: Any, name: str, content: str | bytes, day: str, **changes: Any) -> Any:
    """What becomes of a file that came at noon of that day."""
    path = desk.put(name, content)
    moment = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp()
    os.utime(path, (moment, moment))
    summary = desk.take(sales=changes["profile"])
    return next(outcome for outcome in summary.files if outcome.file_name == name)


def test_files_of_one_feed_have_each_the_period_that_stands_above_their_header(
    desk: Any, profile: Any
) -> None:
    for name, month in (("a", "mars"), ("b", "févr.")):
        desk.put(f"D07/{name}.csv", f'"Période : {month} 2026";\nédité le 02/04/2026;\n{TABLE}')
    settings = ABOVE | {"pattern": rf"Période : {MONTH}\.? (?P<year>\d{{4}})"}
    desk.take(sales=profile(period=settings, container=text(3)))
    assert sorted(desk.rows("slice_key, sold_quantity")) == [
        ("D07|sales|2026-02", 1),
        ("D07|sales|2026-03", 1),
    ]


def test_a_report_of_a_period_above_the_header_without_rows_is_a_reported_zero(desk: Any) -> None:
    outcome = desk.take_one(
        "D07/a.csv", "Période : mars 2026\nRef;Qty;Amount\n", period=ABOVE, container=text(2)
    )
    assert (outcome.state, outcome.slices) == ("landed", ("D07|sales|2026-03",))


@pytest.mark.parametrize(
    ("cells", "pattern", "date_format"),
    [
        (
            ["Du", date(2026, 3, 1), "au", date(2026, 3, 31)],
            r"Du (?P<date>\S+) au (?P<until>\S+)",
            None,
        ),
        (["Du 01/03/2026 au 31/03/2026"], r"Du (?P<date>\S+) au (?P<until>\S+)", "%d/%m/%Y"),
        (["Mois", 3, "Année", 2026], r"Mois (?P<month>\d+) Année (?P<year>\d+)", None),
    ],
)
def test_cells_above_the_header_of_a_workbook_are_read_as_one_text(
    desk: Any, cells: list[Any], pattern: str, date_format: str | None
) -> None:
    content = book([["Rapport"], cells, ["Ref", "Qty", "Amount"], ["A", 1, 2]])
    period = {"frequency": "month", "source": "above", "pattern": pattern, "date_format": date_format}
    outcome = desk.take_one("D07/a.xlsx", content, period=period, container=EXCEL)
    assert outcome.slices == ("D07|sales|2026-03",)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Du 01/01/2026 au 31/03/2026", "names no real month ('Du 01/01/2026 au 31/03/2026')"),
        ("Ventes du mois", "names no month by the pattern"),
        (
            "Du 01/03/2026 au 31/03/2026 Du 01/04/2026 au 30/04/2026",
            "names several periods ('Du 01/03/2026 au 31/03/2026', 'Du 01/04/2026 au 30/04/2026')",
        ),
    ],
)
def test_text_above_the_header_that_names_no_single_period_is_refused(
    desk: Any, line: str, problem: str
) -> None:
    period = {
        "frequency": "month",
        "source": "above",
        "pattern": r"Du (?P<date>\d\S+) au (?P<until>\d\S+)",
        "date_format": "%d/%m/%Y",
    }
    outcome = desk.take_one("D07/a.csv", f"{line}\n{TABLE}", period=period, container=text(2))
    assert (outcome.state, outcome.reason_code) == ("rejected", "unknown_period")
    assert problem in outcome.reason


def test_sheets_with_different_periods_above_their_header_are_refused(desk: Any) -> None:
    sheets = [[[f"Période : {m} 2026"], ["Ref", "Qty", "Amount"], ["A", 1, 2]] for m in ("mars", "avril")]
    container = {"kind": "excel", "header_row": 2, "sheets": "^S"}
    outcome = desk.take_one("D07/a.xlsx", book(*sheets), period=ABOVE, container=container)
    assert "several periods ('Période : mars 2026', 'Période : avril 2026')" in outcome.reason


def test_a_period_to_come_above_the_header_is_refused(desk: Any) -> None:
    desk.company = desk.company.model_copy(update={"as_of_date": None})
    content = f"Période : mai 2026\n{TABLE}"
    outcome = desk.take_one("D07/a.csv", content, period=ABOVE, container=text(2))
    assert outcome.reason_code == "future_period"
    assert "the text above the header spells 2026-05" in outcome.reason


WIDE = [{"metric": "sold_quantity", "pattern": r"^S(?P<week>\d+)$"}]
BY_WEEK = {"columns": {"partner_product_code": "Ref"}, "wide": WIDE}


def weekly(year: str, **more: Any) -> dict[str, Any]:
    return {"period": {"frequency": "week", "source": "header", "year": year, **more}} | BY_WEEK


def test_weeks_without_a_year_are_the_last_that_had_begun_when_the_file_came(desk: Any, profile: Any) -> None:
    content = "Ref;S51;S52;S1;S2\nA;1;2;3;4\n"
    outcome = came(desk, "D07/a.csv", content, "2026-01-14", profile=profile(**weekly("received")))
    assert [key.rpartition("|")[2] for key in outcome.slices] == [
        "2025-W51",
        "2025-W52",
        "2026-W01",
        "2026-W02",
    ]


def test_a_week_that_may_be_of_the_year_to_come_is_refused(desk: Any, profile: Any) -> None:
    """W13 of 2025 ended in March 2025, eleven months before; that of 2026 begins in a month."""
    outcome = came(
        desk, "D07/a.csv", "Ref;S7;S13\nA;1;2\n", "2026-02-20", profile=profile(**weekly("received"))
    )
    assert (outcome.state, outcome.reason_code) == ("rejected", "unknown_period")
    assert "'S13'" in outcome.reason
    assert "no real week that ended in the nine months before the file came on 2026-02-20" in outcome.reason


def test_a_week_in_the_name_has_its_year_by_the_day_on_which_the_file_came(desk: Any, profile: Any) -> None:
    """Equal bytes of two weeks are two reports."""
    named = profile(
        period={"frequency": "week", "source": "file_name", "pattern": r"S(?P<week>\d+)", "year": "received"}
    )
    first = came(desk, "D07/r_S52.csv", TABLE, "2026-01-02", profile=named)
    second = came(desk, "D07/r_S01.csv", TABLE, "2026-01-06", profile=named)
    assert (first.slices, second.slices) == (("D07|sales|2025-W52",), ("D07|sales|2026-W01",))


def test_titles_have_the_year_that_the_name_or_a_cell_above_states(desk: Any, profile: Any) -> None:
    named = came(
        desk,
        "D07/ventes_2025.csv",
        "Ref;S51;S52\nA;1;2\n",
        "2026-02-01",
        profile=profile(**weekly("file_name")),
    )
    assert named.slices == ("D07|sales|2025-W51", "D07|sales|2025-W52")
    (desk.inbox / "D07/ventes_2025.csv").unlink()
    above = came(
        desk,
        "D07/b.csv",
        "Exercice 2024;\nRef;S51;S52\nA;1;2\n",
        "2026-02-01",
        profile=profile(**weekly("above"), container=text(2)),
    )
    assert above.slices == ("D07|sales|2024-W51", "D07|sales|2024-W52")


@pytest.mark.parametrize(
    ("name", "titles", "problem"),
    [
        ("r.csv", "S1;S2", "the file's name names no year"),
        ("r_2025-2026.csv", "S1;S2", "the file's name names several years (2025, 2026)"),
        ("r_2026.csv", "S51;S52;S1", "the titles name periods out of their order"),
    ],
)
def test_a_year_that_is_not_clear_is_refused(desk: Any, name: str, titles: str, problem: str) -> None:
    cells = ";".join("1" for _ in titles.split(";"))
    outcome = desk.take_one(f"D07/{name}", f"Ref;{titles}\nA;{cells}\n", **weekly("file_name"))
    assert (outcome.state, outcome.reason_code) == ("rejected", "unknown_period")
    assert problem in outcome.reason


def test_rows_that_name_a_month_have_the_year_of_the_file_unless_it_had_not_begun(
    desk: Any, profile: Any
) -> None:
    """In a file of January 2026 December is not that of 2026."""
    period = {
        "frequency": "month",
        "source": "column",
        "header": "Mois",
        "pattern": f"^{MONTH}$",
        "year": "file_name",
    }
    content = "Mois;Ref;Qty;Amount\njanvier;A;1;2\ndécembre;A;5;6\n"
    outcome = came(desk, "D07/r_2026.csv", content, "2026-02-01", profile=profile(period=period))
    assert (outcome.slices, outcome.reasons) == (("D07|sales|2026-01",), {"unparseable_period": 1})


def test_a_year_is_asked_for_where_the_profile_does_not_say_what_gives_it(profile: Any) -> None:
    with pytest.raises(ValueError, match=r"where titles have no year, period\.year says what gives it"):
        profile(period={"frequency": "week", "source": "header"}, **BY_WEEK)
    with pytest.raises(ValueError, match="expected lines above the header"):
        profile(period=ABOVE)
