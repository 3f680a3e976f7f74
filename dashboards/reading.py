"""What the pages read: one publication, from the first query of a page to its last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import streamlit as st

from connectors.company import Paths, load_company
from dashboards.words import WORDS
from orchestration.declared import models
from orchestration.partner_page import written
from orchestration.publish import published_file
from orchestration.workbook import Kind, Locale


@dataclass(frozen=True)
class Publication:
    """A version of the folder `published`, and in which language it is read."""

    folder: Path
    version: str
    company: str
    locale: Locale
    currency: str

    @property
    def file(self) -> Path:
        return published_file(self.folder, self.version)

    def frame(self, query: str, *values: object) -> pd.DataFrame:
        """The rows of a query; decimals as floats, to be drawn."""
        return _frame(str(self.file), query, values)

    def row(self, query: str, *values: object) -> tuple[Any, ...]:
        """The one row of a query, exact."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            found = connection.execute(query, list(values)).fetchone()
        if found is None:
            raise LookupError(f"no row of: {query}")
        return found

    def word(self, name: str) -> str:
        return WORDS[name][self.locale]

    def said(self, value: Decimal | int | date | None, kind: Kind) -> str:
        """A figure as people write it; what is not known is said, never 0."""
        if value is None:
            return self.word("not_known")
        units = {"amount": f" {self.currency}", "percent": " %"}
        return written(value, kind, self.locale, self.currency) + units.get(kind, "")

    def heading(self, table: str, column: str) -> str:
        """The business name of a published column."""
        return models()[table].heading(column, self.locale)

    def codes(self, table: str, column: str) -> Mapping[str, str]:
        """What people call the codes of a column."""
        return models()[table].words(column, self.locale)


def current() -> Publication:
    """The newest publication of the company of `AVAL_COMPANY`; AvalError if there is none."""
    paths = Paths.from_environment()
    company = load_company(paths)
    version = published_file(paths.published).stem
    return Publication(paths.published, version, company.company.name, company.locale, company.currency)


@st.cache_data(max_entries=200, show_spinner=False)
def _frame(file: str, query: str, values: Sequence[object]) -> pd.DataFrame:
    # A version's file never changes, so what was read of it may be kept.
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(query, list(values)).df()
