"""The published file in a client that is older than the DuckDB which wrote it.

The older client is its real wheel, in a folder of its own beside the environment of the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

OLDER = "1.1.3"
QUESTIONS = (
    "select count(*), sum(net_quantity)::varchar, min(sell_out_line_id) from core.fct_sell_out",
    "select count(*), sum(invoice_sales_amount)::varchar from core.fct_margin_lines",
    "select count(*), max(month_start_date)::varchar from marts.mart_channel_balance_monthly",
    "select count(*) from duckdb_columns() where schema_name = 'marts' and comment is not null",
)
ASK = """
import json, sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps([duckdb.__version__, *(connection.execute(q).fetchall() for q in sys.argv[2:])]))
"""


@pytest.fixture(scope="module")
def older_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("older_client")
    installed = subprocess.run(
        [
            Path(sys.executable).with_name("uv"),
            *("pip", "install", "--quiet", "--python", sys.executable, "--no-deps", "--only-binary", ":all:"),
            *("--target", str(folder), f"duckdb=={OLDER}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"the wheel of DuckDB {OLDER} cannot be had here: {installed.stderr.strip()[-200:]}")
    return folder


def test_an_older_client_reads_what_this_one_reads(built_demo: Path, older_client: Path) -> None:
    published = str((built_demo / "published" / "current.duckdb").resolve())
    answer = subprocess.run(
        [sys.executable, "-c", ASK, published, *QUESTIONS],
        env={**os.environ, "PYTHONPATH": str(older_client)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    version, *answers = json.loads(answer.stdout)
    assert version == OLDER
    with duckdb.connect(published, read_only=True) as connection:
        expected = [[list(row) for row in connection.execute(q).fetchall()] for q in QUESTIONS]
    assert answers == expected
    assert answers[0][0][0] > 0
