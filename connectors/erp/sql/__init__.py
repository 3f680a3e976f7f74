"""A generic SQL ERP (`kind: sql`): any database with an SQLAlchemy driver and the company's own queries."""

from __future__ import annotations

from pathlib import Path

from connectors.company import Erp
from connectors.errors import ConfigError, Place


def query_folders(erp: Erp) -> list[Path]:
    """The folder of mapping queries named in `company.yml`."""
    if erp.queries is None or not erp.queries.is_dir():
        raise ConfigError(
            "missing_folder",
            "the folder of mapping queries does not exist",
            "create it or correct 'erp.queries' in company.yml",
            Place(file=erp.queries),
        )
    return [erp.queries]
