"""What has landed of the company's products and partners: enough to tell our codes from a partner's.

What belongs here: reading landed identifiers, for drafts, dry runs and the doctor. What does not: matching
for the facts, which is SQL of the dbt project, and writing anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from connectors.feeds.table import quoted

_LEGAL_FORMS: Final = frozenset(
    ("sa", "sas", "sarl", "sasu", "eurl", "gmbh", "ltd", "inc", "group", "groupe")
)


@dataclass(frozen=True)
class Known:
    """Product codes, GTINs (14 digits), units and partners of the company, and the words of its own name."""

    product_codes: frozenset[str] = frozenset()
    gtins: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    unit_codes: frozenset[str] = frozenset()
    partner_codes: frozenset[str] = frozenset()


def load_known(landing: Path, company_name: str) -> Known:
    """What the company's landing holds; nothing where nothing has landed yet."""
    names = tuple(word for word in company_name.split() if word.casefold() not in _LEGAL_FORMS)
    codes = _distinct(landing, "products", "product_code")
    gtins = _distinct(landing, "products", "lpad(gtin, 14, '0')")
    gtins |= _distinct(landing, "product_units", "lpad(gtin, 14, '0')")
    units = _distinct(landing, "products", "base_unit_code")
    units |= _distinct(landing, "product_units", "unit_code")
    return Known(codes, gtins, names, units, _distinct(landing, "partners", "partner_code"))


def landed_files(folder: Path) -> str | None:
    """A glob of the Parquet files of one entity, without its empty schema; None if there are none."""
    if not any(not path.name.startswith(("_", ".")) for path in folder.rglob("*.parquet")):
        return None
    return str(folder / "**" / "[!_.]*.parquet")


def _distinct(landing: Path, entity: str, expression: str) -> frozenset[str]:
    files = landed_files(landing / "erp" / entity)
    if files is None:
        return frozenset()
    rows = duckdb.execute(
        f"select distinct {expression} from read_parquet({quoted(files)}, union_by_name=true) "
        f"where {expression} is not null"
    ).fetchall()
    return frozenset(row[0] for row in rows)
