"""A company with an inbox, and short ways to a profile, an intake and what it landed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.company import Company, Paths
from connectors.feeds.intake.outcomes import FileOutcome, IntakeSummary
from connectors.feeds.intake.run import take_in
from connectors.feeds.profile import Profile
from connectors.ledger import Ledger

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


def make_profile(**changes: Any) -> Profile:
    """A weekly CSV with the period in the file's name; keys given replace those of the base."""
    settings: dict[str, Any] = {
        "partner": "D07",
        "files": {"glob": "D07/*"},
        "container": {"kind": "delimited", "encoding": "utf-8", "delimiter": ";"},
        "period": {
            "frequency": "week",
            "source": "file_name",
            "pattern": r"(?P<year>\d{4})-W(?P<week>\d{2})",
        },
        "columns": {"partner_product_code": "Ref", "sold_quantity": "Qty", "net_amount": "Amount"},
        "expected_from": "2026-01-01",
        "max_quarantined_share": 1.0,
    }
    return Profile.model_validate(settings | changes)


class Desk:
    """One company's inbox and landing, worked through by `take`."""

    def __init__(self, root: Path) -> None:
        self.now = NOW
        self.inbox = root / "inbox"
        self.inbox.mkdir()
        self.paths = Paths(root / "company", root / "data")
        self.company = Company.model_validate(
            {
                "company": {"code": "demo", "name": "Demo"},
                "erp": {"kind": "tryton", "url": "sqlite:///erp.db"},
                "inbox": {"path": str(self.inbox)},
                # Samples of real reports are later than NOW.
                "as_of_date": "2030-12-31",
            }
        )
        self.ledger = Ledger(self.paths.ledger)

    def put(self, name: str, content: str | bytes, age: int = 1000, encoding: str = "utf-8") -> Path:
        """Write a file into the inbox, `age` seconds before NOW."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        moment = NOW.timestamp() - age
        os.utime(path, (moment, moment))
        return path

    def take(self, *, now: datetime = NOW, **profiles: Profile) -> IntakeSummary:
        return take_in(self.paths, self.company, profiles, self.ledger, now=now)

    def take_one(self, name: str, content: str | bytes, **changes: Any) -> FileOutcome:
        """Put one file of feed `sales` and take it in."""
        self.put(name, content, encoding=changes.get("container", {}).get("encoding", "utf-8"))
        summary = self.take(sales=make_profile(**changes))
        return next(outcome for outcome in summary.files if outcome.file_name == name)

    def land_partners(self, **glns: str) -> None:
        """What the ERP says of partners' GLNs, as a pull would land it; the last one holds."""
        folder = self.paths.landing / "erp" / "partners"
        folder.mkdir(parents=True, exist_ok=True)
        number = f"{len(list(folder.glob('*.parquet'))):03d}"
        values = ", ".join(f"('{code}', '{gln}')" for code, gln in glns.items())
        unknown = ", ".join(
            f"null::varchar as {name}" for name in ("siret", "vat_number", "postal_code", "city")
        )
        duckdb.sql(
            f"copy (select code as partner_code, code as partner_name, gln, {unknown}, '{number}' as "
            "_batch_id, 1::bigint as _source_row, false as _is_deleted "
            f"from (values {values}) t(code, gln)) to '{folder}/{number}.parquet' (format parquet)"
        )

    def rows(self, columns: str, entity: str = "sell_out", where: str = "true") -> list[tuple[Any, ...]]:
        """Landed rows in the order of the files' rows."""
        files = self.paths.landing / "feeds" / entity / "**" / "[!_]*.parquet"
        return duckdb.sql(
            f"select {columns} from read_parquet('{files}') where {where} order by _batch_id, _source_row, "
            "_source_column"
        ).fetchall()

    def faults(self, columns: str = "source_row, column_name, reason_code") -> list[tuple[Any, ...]]:
        files = self.paths.landing / "feeds" / "quarantine" / "**" / "*.parquet"
        return duckdb.sql(f"select {columns} from read_parquet('{files}') order by all").fetchall()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    with desk.ledger:
        yield desk


@pytest.fixture
def profile() -> Callable[..., Profile]:
    return make_profile
