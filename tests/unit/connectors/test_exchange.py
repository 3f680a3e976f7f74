"""The central bank's rate file, as it is downloaded and as it may be damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.errors import ConfigError
from connectors.exchange import RateFile

HIST = """Date,USD,GBP,CYP,
2026-01-09,1.1642,0.86705,N/A,
2026-01-08,1.1675,0.8682,N/A,
"""


def write(folder: Path, text: str) -> RateFile:
    path = folder / "eurofxref-hist.csv"
    path.write_text(text)
    return RateFile(path)


def test_a_rate_is_what_one_euro_costs_and_no_rate_is_no_row(tmp_path: Path) -> None:
    assert write(tmp_path, HIST).read().to_pylist() == [
        {"currency_code": "GBP", "rate_date": "2026-01-09", "currency_per_euro": "0.86705"},
        {"currency_code": "USD", "rate_date": "2026-01-09", "currency_per_euro": "1.1642"},
        {"currency_code": "GBP", "rate_date": "2026-01-08", "currency_per_euro": "0.8682"},
        {"currency_code": "USD", "rate_date": "2026-01-08", "currency_per_euro": "1.1675"},
    ]


def test_carriage_returns_and_a_missing_trailing_comma_change_nothing(tmp_path: Path) -> None:
    expected = write(tmp_path, HIST).read().to_pylist()
    without = HIST.replace(",\n", "\r\n")

    assert write(tmp_path, without).read().to_pylist() == expected


def test_no_file_means_no_rates(tmp_path: Path) -> None:
    assert RateFile(tmp_path / "eurofxref-hist.csv").read().num_rows == 0


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("Datum,USD,\n2026-01-09,1.1,\n", "invalid_header", 1),
        ("Date,\n2026-01-09,\n", "invalid_header", 1),
        ("Date,USD,USD,\n2026-01-09,1,1,\n", "invalid_header", 1),
        ("Date,Dollar,\n2026-01-09,1,\n", "invalid_header", 1),
        (HIST + "09/01/2026,1.1,1,N/A,\n", "invalid_rate", 4),
        (HIST + '2026-01-07,"1,1",1,N/A,\n', "invalid_rate", 4),
        (HIST + "2026-01-07,0,1,N/A,\n", "invalid_rate", 4),
        (HIST + "2026-01-07,-1,1,N/A,\n", "invalid_rate", 4),
        (HIST + "2026-01-08,1.2,1,N/A,\n", "invalid_rate", 4),
    ],
)
def test_a_damaged_file_is_one_error_with_file_and_line(
    tmp_path: Path, text: str, code: str, line: int
) -> None:
    with pytest.raises(ConfigError) as raised:
        write(tmp_path, text).read()

    assert raised.value.code == code
    assert raised.value.place is not None
    assert raised.value.place.line == line
