"""The budget: what the table may say, and the rows that it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.budget import load_budget
from connectors.errors import ConfigError

HEADER = (
    "month;partner_code;product_code;family_code;invoiced_quantity;gross_amount;discount_amount;"
    "rebate_amount;programme_amount;cost_amount\n"
)


def read(tmp_path: Path, *lines: str) -> list[dict[str, object]]:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "budget.csv").write_text(HEADER + "\n".join(lines), encoding="utf-8")
    return load_budget(tmp_path)


def test_without_the_file_there_is_no_budget(tmp_path: Path) -> None:
    assert load_budget(tmp_path) == []


def test_a_line_is_a_month_of_a_partner_by_product_or_by_family(tmp_path: Path) -> None:
    rows = read(tmp_path, "2026-01;D01;P1;;10;100;30,5;2;1;40", "2026-01;D01;;F1;5;50;15;1;0;20")
    assert [(row["month_start_date"], row["product_code"], row["family_code"]) for row in rows] == [
        ("2026-01-01", "P1", None),
        ("2026-01-01", None, "F1"),
    ]
    assert rows[0]["discount_amount"] == "30.5"


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (("2026-13;D01;P1;;10;100;30;2;1;40",), 2, "'2026-13'"),
        (("2026-01;D01;;;10;100;30;2;1;40",), 2, "a product_code or a family_code"),
        (("2026-01;D01;P1;F1;10;100;30;2;1;40",), 2, "and not both"),
        (("2026-01;D01;P1;;-1;100;30;2;1;40",), 2, "invoiced_quantity is '-1'"),
        (("2026-01;D01;P1;;10;x;30;2;1;40",), 2, "gross_amount is 'x'"),
        (("2026-01;D01;P1;;10;100;30;2;1;40", "2026-01;D01;P1;;1;1;1;1;1;1"), 3, "stands in"),
    ],
)
def test_a_fault_is_told_with_file_and_line(
    tmp_path: Path, lines: tuple[str, ...], line: int, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, *lines)
    assert caught.value.place.line == line
    assert str(caught.value.place.file).endswith("rules/budget.csv")
