"""`aval dashboard`: the pages on the sample company, drawn by Streamlit itself, and served."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.settings import ROOT, SAMPLE_COMPANY

pytestmark = pytest.mark.slow
Key = dict[str, Any]


@pytest.fixture
def page(built_demo: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    return opened(SAMPLE_COMPANY, built_demo, monkeypatch)


def opened(company: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("AVAL_COMPANY", str(company))
    monkeypatch.setenv("AVAL_DATA", str(data))
    return sound(AppTest.from_file(str(ROOT / "dashboards" / "app.py"), default_timeout=60).run())


def sound(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def turned_to(page: AppTest, name: str) -> AppTest:
    page.switch_page(f"{name}.py")
    return sound(page.run())


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def french(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", "\u202f").replace(".", ",")


def sold_in(key: Key, first: str, last: str) -> Decimal:
    rows = [row for row in key["sell_in_monthly"] if first <= row["month"] <= last]
    return sum((Decimal(row["net_amount"]) for row in rows), Decimal(0))


def test_the_network_bought_what_the_erp_invoiced(page: AppTest, key: Key) -> None:
    assert page.title[0].value == "Réseau"
    assert metrics(page)["Sell-in net"] == f"{french(sold_in(key, '2025-06', '2026-05'))} EUR"
    sound(page.sidebar.selectbox[0].select(24).run())
    assert metrics(page)["Sell-in net"] == f"{french(sold_in(key, '2024-06', '2026-05'))} EUR"
    assert "30/06/2026" in page.sidebar.caption[0].value


def test_a_channel_that_is_left_out_counts_no_more(
    page: AppTest, key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    direct = {
        partner
        for (partner,) in published.execute(
            "select partner_code from core.dim_partners where channel_code = 'direct'"
        ).fetchall()
    }
    expected = sum(
        (
            Decimal(row["net_amount"])
            for row in key["sell_in_monthly"]
            if row["partner_code"] in direct and "2025-06" <= row["month"] <= "2026-05"
        ),
        Decimal(0),
    )
    sound(page.sidebar.multiselect[0].set_value(["direct"]).run())
    assert metrics(page)["Sell-in net"] == f"{french(expected)} EUR"
    assert set(page.dataframe[0].value["partner_code"]) == direct
    sound(page.sidebar.multiselect[0].set_value([]).run())
    assert metrics(page)["Sell-in net"] == "non connu"


def test_a_partner_is_told_with_its_alerts(page: AppTest) -> None:
    turned_to(page, "partner")
    sound(page.sidebar.selectbox[0].select("D13").run())
    assert page.header[0].value == "D13 Normandie Fluides"
    assert any("Arrêt des commandes" in warning.value for warning in page.warning)
    said = {row: str(value) for table in page.table for row, value in table.value.iloc[:, 0].items()}
    assert said["Dernière commande"] == "14/04/2026"
    sound(page.sidebar.selectbox[0].select("D03").run())
    said = {row: str(value) for table in page.table for row, value in table.value.iloc[:, 0].items()}
    assert said["Stock au"] == "non connu"


def test_the_overstocked_partner_stands_out(page: AppTest, key: Key) -> None:
    turned_to(page, "stock")
    sound(page.sidebar.selectbox[0].select("overstock").run())
    shown = page.dataframe[0].value
    assert (
        shown["partner_code"].value_counts().idxmax() == key["planted"]["overstocked_partner"]["partner_code"]
    )
    assert (shown["weeks_of_supply"] > 0).all()


def test_the_margin_ties_to_the_ledger_as_the_books_say(page: AppTest, key: Key) -> None:
    turned_to(page, "margin")
    assert page.subheader[0].value == "Du tarif à la contribution du canal, 06/2026"
    ledger = page.dataframe[1].value.set_index("measure_code")
    sales = ledger.loc["Ventes"]
    assert Decimal(str(sales["warehouse_amount"])) == sold_in(key, "2026-06", "2026-06")
    causes = [column for column in ledger.columns if column not in ("warehouse_amount", "ledger_amount")]
    assert all(ledger[cause].notna().all() for cause in causes)
    assert ledger["unexplained_amount"].tolist() == [0, 0, 0, 0]
    profits = page.dataframe[0].value
    assert profits["profit_amount"].is_monotonic_decreasing
    assert round(profits["invoice_sales_amount"].sum(), 2) == float(sold_in(key, "2026-06", "2026-06"))


def test_alerts_are_counted_by_how_urgent_they_are(
    page: AppTest, published: duckdb.DuckDBPyConnection
) -> None:
    turned_to(page, "alerts")
    expected = dict(
        published.execute(
            "select severity_code, count(*) from marts.fct_alerts where status_code = 'open' group by all"
        ).fetchall()
    )
    names = {"critical": "critique", "warning": "alerte", "notice": "information"}
    assert metrics(page) == {name: str(expected[code]) for code, name in names.items()}
    sound(page.sidebar.multiselect[0].set_value(["critical"]).run())
    assert page.dataframe[0].value["gravité"].tolist() == ["critique"] * expected["critical"]


def test_a_company_that_speaks_english_reads_english(
    built_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = Path(shutil.copytree(SAMPLE_COMPANY, tmp_path / "demo"))
    settings = (company / "company.yml").read_text("utf-8")
    assert "locale: fr" in settings
    (company / "company.yml").write_text(settings.replace("locale: fr", "locale: en"), "utf-8")
    page = opened(company, built_demo, monkeypatch)
    assert page.title[0].value == "Network"
    assert set(metrics(page)) == {"Net sell-in", "Sell-out / sell-in", "Open alerts"}
    turned_to(page, "stock")
    sound(page.sidebar.selectbox[0].select("shortage").run())
    assert page.title[0].value == "Stock"


def test_what_is_not_published_yet_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened(SAMPLE_COMPANY, tmp_path / "data", monkeypatch)
    assert "nothing has been published" in page.error[0].value
    refused = CliRunner().invoke(app, ["dashboard", "--data", str(tmp_path / "data")])
    assert refused.exit_code == 2
    assert "nothing has been published" in refused.stderr


def test_the_pages_are_served_to_this_machine_alone(built_demo: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from orchestration.cli import app; app()", "dashboard"]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--data", str(built_demo)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert answer(server, f"http://127.0.0.1:{port}/_stcore/health") == "ok"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)


def answer(server: subprocess.Popen[str], url: str) -> str:
    """What the server says, once it is there."""
    while server.poll() is None:
        try:
            return requests.get(url, timeout=5).text
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(f"the server ended with {server.returncode}")
