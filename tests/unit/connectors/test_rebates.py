from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.errors import ConfigError
from connectors.rebates import load_rebate_payments, load_rebates, rebate_rows

GRID = """\
groups:
  NORD: [D02, D16]
programmes:
  RFA:
    name_fr: Remise
    name_en: Rebate
    versions:
      - valid_from: 2025-01-01
        valid_to: 2026-01-01
        form: all_units
        measure: units
        counts_together: true
        partners: {groups: [NORD], channels: [web], except: {codes: [D09]}}
        products: {families: [MAN]}
        tiers:
          - {from: 100, rate: 0.05}
          - {above: 1000, rate: 0.12, entitlements: [{code: exclusivity, months: 6}]}
      - valid_from: 2026-01-01
        form: flat
        tiers: [{from: 0, per_unit: 0.1}]
"""


def written(folder: Path, rules: str, payments: str | None = None) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "rebates.yml").write_text(rules, encoding="utf-8")
    if payments is not None:
        header = "programme_code;partner_code;period_start_date;payment_date;paid_amount;reference\n"
        (folder / "rules" / "rebate_payments.csv").write_text(header + payments, encoding="utf-8")
    return folder


def test_a_programme_gives_a_row_for_each_version_tier_name_and_entitlement(tmp_path: Path) -> None:
    rows = {name: content for name, (content, _) in rebate_rows(written(tmp_path, GRID)).items()}
    assert [
        (row["valid_from_date"], row["valid_to_date"], row["form_code"]) for row in rows["rebate_programmes"]
    ] == [
        ("2025-01-01", "2026-01-01", "all_units"),
        ("2026-01-01", "9999-12-31", "flat"),
    ]
    assert [
        (
            row["tier_number"],
            row["from_value"],
            row["is_from_included"],
            row["reward_kind_code"],
            row["reward_value"],
        )
        for row in rows["rebate_tiers"]
    ] == [
        (1, Decimal(100), True, "rate", Decimal("0.05")),
        (2, Decimal(1000), False, "rate", Decimal("0.12")),
        (1, Decimal(0), True, "per_unit", Decimal("0.1")),
    ]
    assert [
        (row["role_code"], row["dimension_code"], row["scope_code"], row["group_code"])
        for row in rows["rebate_scopes"]
    ] == [
        ("include", "partner", "D02", "NORD"),
        ("include", "partner", "D16", "NORD"),
        ("include", "channel", "web", None),
        ("exclude", "partner", "D09", None),
        ("include", "family", "MAN", None),
    ]
    assert [(row["tier_number"], row["duration_months"]) for row in rows["rebate_entitlements"]] == [(2, 6)]


def test_a_company_without_programmes_has_none(tmp_path: Path) -> None:
    assert all(not content for content, _ in rebate_rows(tmp_path).values())


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("rate: 0.05", "rate: 5", 16, "less than or equal to 1"),
        (
            "{from: 100, rate: 0.05}",
            "{from: 100, above: 100, rate: 0.05}",
            16,
            "exactly one of 'from' and 'above'",
        ),
        ("{from: 100, rate: 0.05}", "{from: 100, rate: 0.05, amount: 3}", 16, "exactly one of 'rate'"),
        ("{from: 100, rate: 0.05}", "{from: 2000, rate: 0.05}", 8, "tiers in ascending order"),
        ("rate: 0.05", "per_unit: 0.05", 8, "the same kind of reward"),
        ("valid_to: 2026-01-01", "valid_to: 2025-12-01", 8, "whole periods of 12 months"),
        ("valid_to: 2026-01-01", "valid_to: 2027-01-01", 4, "still holds on 2026-01-01"),
        ("valid_from: 2025-01-01", "valid_from: 2025-01-15", 8, "first day of a month"),
        ("groups: [NORD]", "groups: [SUD]", None, "names the group 'SUD'"),
        ("form: flat", "form: target", 18, "'targets' with form target"),
        ("name_en: Rebate", "name_en: Rebate\n    nom: Remise", 7, "nom"),
    ],
)
def test_a_wrong_programme_is_one_error_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int | None, expected: str
) -> None:
    assert old in GRID
    with pytest.raises(ConfigError, match=expected) as caught:
        load_rebates(written(tmp_path, GRID.replace(old, new, 1)))
    assert caught.value.place.file == tmp_path / "rules" / "rebates.yml"
    assert line is None or caught.value.place.line == line


def test_two_exclusive_programmes_of_the_same_order_are_refused(tmp_path: Path) -> None:
    programme = (
        "{name_fr: x, name_en: x, exclusive_group: G, versions: "
        "[{valid_from: 2026-01-01, form: flat, tiers: [{from: 0, rate: 0.1}]}]}"
    )
    with pytest.raises(ConfigError, match="A and B have the same order"):
        load_rebates(written(tmp_path, f"programmes:\n  A: {programme}\n  B: {programme}\n"))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("invoiced", "ordered", "invoiced"),
        ("ordered", "paid", "ordered or invoiced"),
        ("ordered", "invoiced", None),
        ("paid", "paid", None),
    ],
)
def test_exclusive_programmes_that_count_the_same_goods_twice_are_refused(
    tmp_path: Path, first: str, second: str, expected: str | None
) -> None:
    """What is ordered and paid is two purchases; what is invoiced counts where it is first."""

    def programme(order: int, *versions: str) -> str:
        written_versions = ", ".join(
            f"{{{version}, form: flat, tiers: [{{from: 0, rate: 0.1}}]}}" for version in versions
        )
        return (
            f"{{name_fr: x, name_en: x, order: {order}, exclusive_group: G, versions: [{written_versions}]}}"
        )

    second_one = programme(
        20,
        "valid_from: 2025-01-01, valid_to: 2026-01-01, basis: delivered",
        f"valid_from: 2026-01-01, basis: {second}",
    )
    first_one = programme(10, f"valid_from: 2026-01-01, basis: {first}")
    folder = written(tmp_path, f"programmes:\n  B: {second_one}\n  A: {first_one}\n")
    if expected:
        with pytest.raises(
            ConfigError, match=f"B counts what is {second} and A, which comes first"
        ) as caught:
            load_rebates(folder)
        assert f"expected basis: {expected}" in str(caught.value).splitlines()[-1]
    else:
        assert len(load_rebates(folder).programmes) == 2


def test_a_payment_settles_a_period_of_a_programme(tmp_path: Path) -> None:
    folder = written(tmp_path, GRID, "RFA;D02;2025-01-01;2025-07-10;140,00;AV-17\n")
    assert load_rebate_payments(folder, load_rebates(folder)) == [
        {
            "programme_code": "RFA",
            "partner_code": "D02",
            "period_start_date": "2025-01-01",
            "payment_date": "2025-07-10",
            "paid_amount": "140.00",
            "reference": "AV-17",
        }
    ]


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        ("OTHER;D02;2025-01-01;2025-07-10;140;AV-17", "unknown_programme"),
        ("RFA;D02;2025-02-01;2025-07-10;140;AV-17", "unknown_period"),
        ("RFA;D02;2024-01-01;2025-07-10;140;AV-17", "unknown_period"),
        ("RFA;D02;2025-01-01;10/07/2025;140;AV-17", "invalid_date"),
        ("RFA;D02;2025-01-01;2025-07-10;0;AV-17", "invalid_number"),
        ("RFA;D02;2025-01-01;2025-07-10;1.005;AV-17", "invalid_number"),
        ("RFA;;2025-01-01;2025-07-10;140;AV-17", "missing_value"),
    ],
)
def test_a_wrong_payment_is_one_error_with_file_and_line(tmp_path: Path, payment: str, code: str) -> None:
    folder = written(tmp_path, GRID, payment + "\n")
    with pytest.raises(ConfigError) as caught:
        load_rebate_payments(folder, load_rebates(folder))
    assert (caught.value.code, caught.value.place.line) == (code, 2)
