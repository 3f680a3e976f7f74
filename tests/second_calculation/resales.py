"""What partners reported, read from their own files: what claims of theirs are held against.

Of two reports for the same week the one that came last counts. A week belongs to the month of its Thursday.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pandas as pd

from tests.second_calculation.books import Books


def resold_by_month(inbox: Path, books: Books, product: str) -> dict[str, int]:
    """Pieces of a product that D02 reports as sold less taken back, by month; it knows articles by GTIN."""
    (gtin,) = books.table("articles").set_index("code_article").loc[[product], "gencod"]
    pieces: dict[str, int] = {}
    for (year, week), path in _by_week(inbox / "D02", r"CIN_ventes_(\d{4})_(\d{2})").items():
        rows = pd.read_csv(path, sep=";", encoding="utf-8-sig", dtype={"GTIN": "str"})
        own = rows[rows["GTIN"] == gtin]
        month = f"{date.fromisocalendar(year, week, 4):%Y-%m}"
        net = int(own["Quantité vendue"].sum() - own["Quantité reprise"].fillna(0).sum())
        pieces[month] = pieces.get(month, 0) + net
    return pieces


def stock_before(inbox: Path, product: str, day: str) -> int:
    """Pieces of a product that D09 had at the end of the last week before a day."""
    ended = {
        date.fromisocalendar(year, week, 7): path
        for (year, week), path in _by_week(inbox / "D09", r"seine-(\d{4})-(\d{2})").items()
    }
    rows = pd.read_csv(
        ended[max(end for end in ended if end < date.fromisoformat(day))], dtype={"code": "str"}
    )
    (pieces,) = rows[rows["code"] == product]["stock"]
    return int(pieces)


def _by_week(folder: Path, pattern: str) -> dict[tuple[int, int], Path]:
    found = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        if named := re.match(pattern, path.name):
            found[int(named[1]), int(named[2])] = path
    return found
