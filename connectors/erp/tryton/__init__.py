"""Tryton (`kind: tryton`), on PostgreSQL or SQLite: the mapping queries of this folder.

Written against Tryton 8.2 and its trial database. What of Tryton goes into which column, and what
Tryton cannot say, stands in docs/erp.md. A company may lay a query of its own over ours: a file of the
same name in the folder `erp.queries` of its `company.yml`.
"""

from __future__ import annotations

from pathlib import Path

from connectors.company import Erp


def query_folders(erp: Erp) -> list[Path]:
    """The company's own folder first, if it has one, then ours."""
    own = [erp.queries] if erp.queries is not None else []
    return [*own, Path(__file__).parent]
