"""Exchange rates: the European Central Bank's reference-rate file as it is downloaded.

`eurofxref-hist.csv` has a row per working day and a column per currency; a value is what one euro costs in
that currency, `N/A` where there was no rate. What belongs here: reading that file. What does not: which day's
rate counts for a document, and cross rates (dbt models).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from connectors.errors import ConfigError, Place
from connectors.feeds.currencies import CURRENCIES

FILE_NAME: Final = "eurofxref-hist.csv"
_NO_RATE: Final = ("", "N/A")


@dataclass(frozen=True)
class RateFile:
    """The rates as they stand in one file, which may be absent: then there are none."""

    path: Path

    def content_hash(self) -> str:
        content = self.path.read_bytes() if self.path.is_file() else b""
        return hashlib.sha256(content).hexdigest()

    def read(self) -> pa.Table:
        """Rows `currency_code, rate_date, currency_per_euro`, as texts, in the order of the file."""
        if not self.path.is_file():
            return pa.table({name: pa.array([], pa.string()) for name in _COLUMNS})
        currencies = self._currencies()
        with duckdb.connect() as connection:
            connection.execute(
                """
                create table cells as
                select row_number() over () + 1 as line, *
                from read_csv(?, all_varchar = true, header = false, skip = 1, delim = ',', quote = '',
                    escape = '', null_padding = true, auto_detect = false, columns = ?, strict_mode = false)
                """,
                [str(self.path), {"rate_date": "VARCHAR", **dict.fromkeys(currencies, "VARCHAR")}],
            )
            connection.execute(
                "create table rates as select line, trim(currency_code) as currency_code, "
                "trim(rate_date) as rate_date, trim(rate) as currency_per_euro "
                "from (unpivot cells on * exclude (line, rate_date) into name currency_code value rate)"
            )
            self._refuse_faults(connection)
            return connection.execute(
                f"select {', '.join(_COLUMNS)} from rates where currency_per_euro not in ? "
                "order by line, currency_code",
                [list(_NO_RATE)],
            ).to_arrow_table()

    def _currencies(self) -> list[str]:
        with self.path.open(encoding="utf-8-sig", errors="replace") as file:
            header = [name.strip() for name in file.readline().split(",")]
        # The bank ends each line with a comma.
        names = header[1:-1] if header[-1] == "" else header[1:]
        faulty = [name for name in names if name not in CURRENCIES and not re.fullmatch("[A-Z]{3}", name)]
        if header[0] != "Date" or not names or faulty or len(set(names)) != len(names):
            raise ConfigError(
                "invalid_header",
                f"the header is {','.join(header)[:80]!r}",
                "expected the bank's own file: Date,USD,JPY,… with one column per currency",
                Place(file=self.path, line=1),
            )
        return names

    def _refuse_faults(self, connection: duckdb.DuckDBPyConnection) -> None:
        """ConfigError at the first cell that is no date or no rate, or the second row of a day."""
        fault = connection.execute(
            """
            select line, 'Date' as title, rate_date as value from cells
            where try_cast(trim(rate_date) as date) is null or not regexp_matches(trim(rate_date), '^\\d{4}-')
            union all
            select line, currency_code, currency_per_euro from rates
            where currency_per_euro not in ?
                and not coalesce(try_cast(currency_per_euro as decimal(18, 8)) > 0, false)
            union all
            select line, 'Date', rate_date || ' (a second time)' from cells
            qualify row_number() over (partition by trim(rate_date) order by line) > 1
            order by line limit 1
            """,
            [list(_NO_RATE)],
        ).fetchone()
        if fault is not None:
            line, title, value = fault
            raise ConfigError(
                "invalid_rate",
                f"{title} is {value!r}",
                "expected dates such as 2026-01-30, once each, and rates above 0 or N/A",
                Place(file=self.path, line=line),
            )


_COLUMNS: Final = ("currency_code", "rate_date", "currency_per_euro")
