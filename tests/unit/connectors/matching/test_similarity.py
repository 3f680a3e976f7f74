"""The score: sizes and packs are not confused, abbreviations meet, what is uncertain says so."""

from __future__ import annotations

import resource

import pyarrow as pa
import pytest

from connectors.matching.similarity import DEFAULT_THRESHOLD, ITEMS, PRODUCTS, REJECTED, UNITS, score

NAMES = {
    "V15": "Vanne à sphère laiton DN15",
    "V20": "Vanne à sphère laiton DN20",
    "VI20": "Vanne à sphère inox DN20",
    "R6": "Raccord droit mâle Ø6 G1/8",
    "R8": "Raccord droit mâle Ø8 G1/4",
    "RY6": "Raccord Y Ø6 G1/8",
    "RY8": "Raccord Y Ø8 G1/4",
    "T35": "Tube polyamide 3,5 x 6",
    "J100": "Joint torique 12 mm, sachet de 100",
}
PACKS = {"V20": 10, "R6": 50}


def best(
    *labels: str,
    price: float | None = None,
    rejected: tuple[tuple[str, str, str], ...] = (),
) -> list[dict[str, object]]:
    """The first proposal of each label; the products cost 3 a piece."""
    items = pa.table(
        [["D1"] * len(labels), [f"C{n}" for n in range(len(labels))], list(labels), [price] * len(labels)],
        schema=ITEMS,
    )
    products = pa.table([list(NAMES), list(NAMES.values()), [3.0] * len(NAMES)], schema=PRODUCTS)
    rows = [(code, "PCE", 1.0) for code in NAMES] + [(code, "BOX", float(n)) for code, n in PACKS.items()]
    units = pa.table([list(column) for column in zip(*rows, strict=True)], schema=UNITS)
    barred = pa.Table.from_pylist(
        [dict(zip(REJECTED.names, pair, strict=True)) for pair in rejected], schema=REJECTED
    )
    return [row for row in score(items, products, units, barred).to_pylist() if row["rank"] == 1]


@pytest.mark.parametrize(
    ("label", "product"),
    [
        ("VANNE A SPHERE LAITON DN20", "V20"),
        ("Van. sph. laiton dn15", "V15"),
        ("laiton vanne sphere DN 15", "V15"),
        ("RACC DROIT MALE 8 1/4", "R8"),
        ("tube polyamide 3.5x6", "T35"),
        ("Joint torique 12 (100 pcs)", "J100"),
    ],
)
def test_abbreviations_order_accents_and_marks_do_not_matter(label: str, product: str) -> None:
    (row,) = best(label)
    assert row["product_code"] == product
    assert row["score"] >= DEFAULT_THRESHOLD, row


def test_another_size_is_another_product() -> None:
    """Nothing else differs, and there is no DN25."""
    (row,) = best("Vanne à sphère laiton DN25")
    assert row["score"] < 0.4
    assert "sizes contradict: 25 against" in str(row["reasons"])


def test_a_pack_that_the_product_has_gives_the_unit_and_another_pack_is_doubtful() -> None:
    ten, six, times = best(
        "Vanne à sphère laiton DN20 boîte de 10",
        "Vanne à sphère laiton DN20 boîte de 6",
        "Raccord droit mâle x50 Ø6 G1/8",
    )
    assert (ten["product_code"], ten["unit_code"], ten["score"]) == ("V20", "BOX", 1.0)
    assert six["score"] <= 0.5
    assert "no packing of 6" in str(six["reasons"])
    assert (times["product_code"], times["unit_code"]) == ("R6", "BOX")


def test_a_number_after_x_and_another_number_may_be_a_size_and_is_doubtful() -> None:
    (row,) = best("Raccord droit mâle Ø6 G1/8 x 50")
    assert row["score"] < DEFAULT_THRESHOLD


def test_the_price_tells_a_box_from_a_piece() -> None:
    (piece,) = best("Raccord droit mâle Ø6 G1/8", price=4.1)
    (box,) = best("Raccord droit mâle Ø6 G1/8", price=170.0)
    assert (piece["unit_code"], box["unit_code"]) == ("PCE", "BOX")
    assert "price 170.00 against list price 150.00 a BOX" in str(box["reasons"])


def test_a_label_that_fits_two_products_is_not_proposed() -> None:
    (row,) = best("Raccord Y")
    assert row["score"] < DEFAULT_THRESHOLD
    assert "as near" in str(row["reasons"])


def test_what_is_no_product_of_ours_is_not_proposed() -> None:
    rows = best("Frais de port", "Gants de protection taille 9", "", "123456")
    assert [row for row in rows if row["score"] >= 0.5] == []


def test_a_rejected_product_is_not_proposed_to_that_partner_again() -> None:
    (row,) = best("Vanne à sphère laiton DN20", rejected=(("D1", "C0", "V20"),))
    assert row["product_code"] != "V20"
    (other,) = best("Vanne à sphère laiton DN20", rejected=(("D2", "C0", "V20"),))
    assert other["product_code"] == "V20"


def test_many_codes_against_many_products_are_compared_in_seconds() -> None:
    """5,000 x 2,000 of one wording that differ in sizes only: the worst case of finding candidates."""
    count = 2_000
    names = [f"Raccord cannelé laiton DN{n} série {n % 7}" for n in range(count)]
    products = pa.table([[f"P{n}" for n in range(count)], names, [1.0] * count], schema=PRODUCTS)
    units = pa.table([[f"P{n}" for n in range(count)], ["PCE"] * count, [1.0] * count], schema=UNITS)
    labels = [f"RACC CANNELE LAITON {n % count} SERIE {n % count % 7}" for n in range(5_000)]
    items = pa.table([["D1"] * 5_000, [f"C{n}" for n in range(5_000)], labels, [None] * 5_000], schema=ITEMS)
    before = resource.getrusage(resource.RUSAGE_SELF)
    rows = score(items, products, units, REJECTED.empty_table()).to_pylist()
    after = resource.getrusage(resource.RUSAGE_SELF)
    first = [row for row in rows if row["rank"] == 1]
    assert len(first) == 5_000
    assert all(row["product_code"] == f"P{int(row['reported_code'][1:]) % count}" for row in first)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 20
