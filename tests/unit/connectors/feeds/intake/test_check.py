"""The dry run of one file."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.feeds.intake.check import check_file
from connectors.feeds.profile import Profile

MakeProfile = Callable[..., Profile]
HEADER = "Ref;Qty;Amount\n"
W05 = "D07/r_2026-W05.csv"


def test_a_check_tells_what_would_happen_and_writes_nothing(desk: Any, profile: MakeProfile) -> None:
    path = desk.put(W05, HEADER + "A;1,5;10\n;2;1\nTotal;;\n\n")
    report = check_file(path, profile(skip_rows=[{"header": "Ref", "pattern": "^Total"}]), "sales")
    assert report.would_land
    assert (report.rows_read, report.rows_accepted, report.rows_quarantined, report.rows_skipped) == (
        4,
        1,
        1,
        2,
    )
    assert [(fault.source_row, fault.reason_code) for fault in report.quarantined] == [(3, "missing_product")]
    (total,) = report.totals
    assert (total.entity, total.period, total.rows, Decimal(total.quantity), Decimal(total.amount)) == (
        "sell_out",
        "2026-W05",
        1,
        Decimal("1.5"),
        Decimal(10),
    )
    assert report.preview[0]["partner_product_code"] == "A"
    assert report.columns == {"partner_product_code": "Ref", "sold_quantity": "Qty", "net_amount": "Amount"}
    assert not desk.paths.data.joinpath("state").exists()
    assert list(desk.paths.landing.rglob("*.parquet")) == []


def test_a_check_of_a_file_that_would_be_rejected_says_why(desk: Any, profile: MakeProfile) -> None:
    report = check_file(desk.put(W05, "Ref;Quantity\nA;1\n"), profile(), "sales")
    assert not report.would_land
    assert report.problem is not None
    assert report.problem.code == "missing_header"


def test_a_check_names_the_columns_that_are_not_read(desk: Any, profile: MakeProfile) -> None:
    text = "Mag;Ref;Qté Lyon;Qté Nice;Marge;Nom;Semaine\n=> A;;;;;;\n;X;1;2;9;Durand;x\n"
    chosen = profile(
        columns={"partner_product_code": "Ref", "product_label": "@section"},
        section={"header": "MAG", "pattern": "^=> (?P<section>.+)$"},
        wide=[{"metric": "sold_quantity", "pattern": "^Qté (?P<store_code>Lyon)$"}],
        personal=["nom"],
        skip_rows=[{"header": "Semaine", "pattern": "^Total"}],
    )
    report = check_file(desk.put(W05, text), chosen, "sales")
    assert report.unread == ("Qté Nice", "Marge")
    assert '"unread": ["Qté Nice", "Marge"]' in report.as_json()


def test_an_edi_report_has_no_columns_to_leave_unread(desk: Any) -> None:
    text = "UNB+UNOC:3+1+2+260202:0800+7'UNH+1+SLSRPT:D:96A:UN'BGM+73E+1+9'DTM+356:2026012620260201:718'"
    text += "LIN+1++4006381333931:EN'QTY+153:3'UNT+6+1'UNZ+1+7'"
    settings: dict[str, Any] = {"partner": "D07", "files": {"glob": "D07/*"}, "expected_from": "2026-01-01"}
    settings |= {"container": {"kind": "edifact"}, "period": {"frequency": "week"}}
    report = check_file(desk.put("D07/r.edi", text), Profile.model_validate(settings), "sales")
    assert (report.rows_accepted, report.unread) == (1, ())
