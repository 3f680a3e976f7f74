"""Small reports by EDI, and an inbox for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb

from connectors.feeds.intake.outcomes import FileOutcome
from connectors.feeds.profile import Profile

from .conftest import Desk

UNB = "UNB+UNOC:3+P:14+U:14+260105:0600+{number}"


def a_profile(**container: Any) -> Profile:
    """The few lines that a plain SLSRPT by week needs, and settings of the container."""
    settings = {name: container.pop(name) for name in ("period", "units", "currency") if name in container}
    return Profile.model_validate(
        {
            "partner": "D07",
            "files": {"glob": "D07/*"},
            "container": {"kind": "edifact", **container},
            "period": {"frequency": "week"},
            "expected_from": "2026-01-01",
            "max_quarantined_share": 1.0,
            **settings,
        }
    )


def a_message(*detail: str, number: int = 1, bgm: str = "BGM+73E+R1+9", kind: str = "SLSRPT:D:96A:UN:EAN004",
              head: tuple[str, ...] = ("DTM+356:20260108:102",)) -> list[str]:  # fmt: skip
    segments = [f"UNH+{number}+{kind}", bgm, *head, *detail]
    return [*segments, f"UNT+{len(segments) + 1}+{number}"]


def an_interchange(*messages: list[str], number: str = "77", end: str = "'") -> str:
    segments = [UNB.format(number=number), *(segment for message in messages for segment in message)]
    return "".join(segment + end for segment in [*segments, f"UNZ+{len(messages)}+{number}"])


def a_line(number: int, gtin: str, *rest: str) -> list[str]:
    return [f"LIN+{number}++{gtin}:EN", *rest]


class Edi:
    """An inbox for EDI files; files come one after another."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._age = 100_000

    def take(self, name: str, content: str | bytes, **container: Any) -> FileOutcome:
        self._age -= 1000
        self.desk.put(f"D07/{name}", content, age=self._age, encoding="latin-1")
        summary = self.desk.take(sales=a_profile(**container))
        outcome = next(item for item in summary.files if item.file_name == f"D07/{name}")
        assert outcome.rows_read == outcome.rows_accepted + outcome.rows_quarantined + outcome.rows_skipped
        return outcome

    def sold(self, columns: str = "store_code, gtin, sold_quantity, returned_quantity") -> list[Any]:
        return self.desk.rows(columns)

    def landed(self, columns: str, entity: str = "sell_out") -> list[Any]:
        files = self.desk.paths.landing / "feeds" / entity / "**" / "[!_]*.parquet"
        return duckdb.sql(f"select {columns} from read_parquet('{files}')").fetchall()

    def live(self) -> dict[str, Decimal]:
        """Units sold by slice, of live documents, as the ledger keeps them."""
        rows = self.desk.ledger._connection.execute(
            "select slice_key, quantity_total from slices where is_live = 1 and entity = 'sell_out'"
        )
        sums: dict[str, Decimal] = {}
        for slice_key, quantity in rows:
            key = slice_key.rpartition("|")[2]
            sums[key] = sums.get(key, Decimal(0)) + Decimal(quantity)
        return sums


def x12(kind: str, *body: str, end: str = "~", element: str = "*", padded: bool = True) -> str:
    isa = ["ISA", "00", " " * 10, "00", " " * 10, "ZZ", "P".ljust(15), "ZZ", "U".ljust(15), "260110", "0600",
           "U", "00401", "000000007", "0", "P", ">"]  # fmt: skip
    segments = [f"ST*{kind}*0001", *body]
    segments += [f"SE*{len(segments) + 1}*0001", "GE*1*1", "IEA*1*000000007"]
    head = "*".join(isa if padded else [part.strip() or "0" for part in isa])
    text = end.join([head, "GS*PD*P*U*20260110*0600*1*X*004010", *segments]) + end
    return text.replace("*", element)
