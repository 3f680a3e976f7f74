"""A dry run against what landed before: differences, matches, people's data, and nothing written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from connectors.feeds.intake.check import CheckReport, check_file
from connectors.feeds.known import Known
from connectors.feeds.outlook import Outlook, difference
from tests.unit.connectors.feeds.conftest import make_profile

FIRST = "Ref;Qty;Amount\nA;10;100\nB;5;50\n"
SECOND = "Ref;Qty;Amount\nA;12;100\nZ;3;30\nY;1;90\n"


def fingerprint(folder: Path) -> str:
    """Names, contents and times of all that lies in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_mtime_ns}".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def check(desk: Any, name: str, content: str, known: Known | None = None, **changes: Any) -> CheckReport:
    path = desk.put(name, content)
    outlook = Outlook(desk.paths.ledger, known or Known(), frozenset({"B"}))
    return check_file(path, make_profile(**changes), "sales", outlook=outlook)


def test_a_restatement_is_compared_with_the_report_it_would_replace(desk: Any) -> None:
    desk.take_one("D07/r_2026-W05.csv", FIRST)
    report = check(desk, "D07/r2_2026-W05.csv", SECOND)
    (former,) = report.former
    assert (former.file_name, former.rows, former.quantity, former.amount) == (
        "D07/r_2026-W05.csv", 2, "15.000", "150.0000",
    )  # fmt: skip
    assert report.superseded == ("D07/r_2026-W05.csv",)
    (total,) = report.totals
    assert difference(total.quantity, former.quantity) == ("+1.000", "+6.7 %")
    assert difference(total.amount, former.amount) == ("+70.0000", "+46.7 %")
    assert difference("1", "0") == ("+1", "")


def test_a_report_of_several_periods_is_not_replaced_by_one_of_them(desk: Any) -> None:
    period = {
        "frequency": "week",
        "source": "column",
        "header": "W",
        "pattern": r"(?P<year>\d{4})-(?P<week>\d\d)",
    }
    desk.take_one("D07/a.csv", "W;Ref;Qty;Amount\n2026-05;A;1;1\n2026-06;A;1;1\n", period=period)
    report = check(desk, "D07/b.csv", "W;Ref;Qty;Amount\n2026-06;A;2;2\n", period=period)
    assert [(item.period, item.file_name) for item in report.former] == [("2026-W06", "D07/a.csv")]
    assert report.superseded == ()


def test_the_same_bytes_under_another_name_are_told(desk: Any) -> None:
    desk.take_one("D07/r_2026-W05.csv", FIRST)
    assert check(desk, "D07/copy_2026-W05.csv", FIRST).twin == "D07/r_2026-W05.csv"
    assert check(desk, "D07/other_2026-W05.csv", SECOND).twin is None


def test_lines_that_name_no_known_product_are_counted_by_what_is_at_stake(desk: Any) -> None:
    known = Known(frozenset({"A"}), frozenset({"03799991000010"}))
    columns = {"product_code": "Ref", "gtin": "EAN", "sold_quantity": "Qty", "net_amount": "Amount"}
    content = "Ref;EAN;Qty;Amount\nA;;1;1\nX;3799991000010;1;1\nZ;;3;30\nY;;1;90\n"
    (matching,) = check(desk, "D07/r_2026-W05.csv", content, known, columns=columns).matchings
    assert (matching.rows, matching.matched, matching.amount_unmatched) == (4, 2, "120.0000")
    assert [(item.code, item.rows, item.amount) for item in matching.worst] == [
        ("Y", 1, "90.0000"), ("Z", 1, "30.0000"),
    ]  # fmt: skip
    (matching,) = check(desk, "D07/x_2026-W05.csv", FIRST, known).matchings
    assert (matching.rows, matching.matched) == (2, 1), "B by the crosswalk; A is a code of ours, not theirs"


def test_lines_in_a_unit_that_no_product_has_are_counted(desk: Any) -> None:
    known = Known(frozenset({"A"}), unit_codes=frozenset({"EA", "BOX"}))
    columns = {
        "partner_product_code": "Ref", "sold_quantity": "Qty", "net_amount": "Amount", "unit_code": "U",
    }  # fmt: skip
    changes = {"columns": columns, "units": {"ct": "BOX", "pal": "PAL"}}
    content = "Ref;Qty;Amount;U\nA;1;1;ct\nA;1;1;pal\nA;1;1;\nA;1;1;\n"
    path = desk.put("D07/r_2026-W05.csv", content)

    def strange(units: frozenset[str]) -> dict[str, int]:
        outlook = Outlook(desk.paths.ledger, known, units=units)
        (matching,) = check_file(path, make_profile(**changes), "sales", outlook=outlook).matchings
        return dict(matching.strange_units)

    assert strange(frozenset()) == {"PAL": 1, "PCE": 2}, "PCE is a feed's unit unless it names another"
    assert strange(frozenset({"PAL"})) == {"PCE": 2}


def test_without_landed_products_nothing_is_said_of_matches(desk: Any) -> None:
    assert check(desk, "D07/r_2026-W05.csv", FIRST).matchings == ()


def test_columns_that_hold_people_are_named(desk: Any) -> None:
    content = "Ref;Qty;Amount;Nom client;Caisse;Nom produit\nA;1;1;Dupont;a.dupont@example.org;Vis\n"
    columns = {
        "partner_product_code": "Ref", "sold_quantity": "Qty", "net_amount": "Amount",
        "transaction_id": "Caisse",
    }  # fmt: skip
    assert check(desk, "D07/r_2026-W05.csv", content, columns=columns).personal == ("Nom client", "Caisse")


def test_a_dry_run_writes_nothing(desk: Any, tmp_path: Path) -> None:
    desk.take_one("D07/r_2026-W05.csv", FIRST)
    desk.put("D07/r2_2026-W05.csv", SECOND)
    desk.ledger.__exit__()
    before = fingerprint(tmp_path)
    outlook = Outlook(desk.paths.ledger, Known())
    report = check_file(desk.inbox / "D07/r2_2026-W05.csv", make_profile(), "sales", outlook=outlook)
    assert report.former
    assert fingerprint(tmp_path) == before
    desk.ledger.__enter__()


def test_a_dry_run_reads_what_a_run_at_work_has_just_entered(desk: Any) -> None:
    desk.take_one("D07/r_2026-W05.csv", FIRST)
    assert desk.paths.ledger.with_name(desk.paths.ledger.name + "-wal").stat().st_size
    assert check(desk, "D07/r2_2026-W05.csv", SECOND).former


def test_the_answer_for_scripts_holds_all_of_it(desk: Any) -> None:
    content = "Ref;Qty;Amount\nA;x;1\nB;2;2\n"
    answer = json.loads(check(desk, "D07/r_2026-W05.csv", content).as_json())
    assert (answer["rows_read"], answer["reasons"], answer["would_land"]) == (
        2,
        {"unparseable_number": 1},
        True,
    )
    assert answer["quarantined"][0]["value"] == "x"
    wrong = json.loads(check(desk, "D07/x_2026-W05.csv", "Nothing\n1\n").as_json())
    assert (wrong["would_land"], wrong["problem"]["code"]) == (False, "missing_header")
