"""`aval dashboard`: the pages on the sample company, drawn by Streamlit itself, and served."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
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
    names = {"critical": "critique", "warning": "avertissement", "notice": "information"}
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


@pytest.fixture
def published_copy(built_demo: Path, tmp_path: Path) -> Path:
    """What the sample company published, to change."""
    shutil.copytree(built_demo / "published", tmp_path / "published", symlinks=True)
    return tmp_path


def change(data: Path, statement: str) -> None:
    with duckdb.connect(str((data / "published" / "current.duckdb").resolve())) as connection:
        connection.execute(statement)


def test_a_name_is_read_as_it_is_written(published_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(
        published_copy,
        "update marts.mart_partner_360 set partner_name = 'A *1* [x](http://x.example) $2$', "
        "segment_code = '![i](http://x.example/i.png)' where partner_code = 'D01'",
    )
    page = turned_to(opened(SAMPLE_COMPANY, published_copy, monkeypatch), "partner")
    assert page.header[0].value == r"D01 A \*1\* \[x\](http\://x.example) \$2\$"
    said = [str(value) for table in page.table for value in table.value.iloc[:, 0]]
    assert r"\!\[i\](http\://x.example/i.png)" in said


def test_what_is_not_known_in_full_is_said(published_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(
        published_copy,
        "update marts.mart_sell_in_monthly set unconverted_line_count = 1 "
        "where month_start_date = '2026-05-01' and partner_code = 'D01' "
        "and product_code = (select min(product_code) from marts.mart_sell_in_monthly "
        "where month_start_date = '2026-05-01' and partner_code = 'D01')",
    )
    change(
        published_copy,
        "update marts.mart_margin_waterfall_monthly set line_without_cost_count = 3, "
        "pocket_margin_amount = null, channel_contribution_amount = null "
        "where month_start_date = '2026-06-01' and partner_code = 'D01' "
        "and product_code = (select min(product_code) from marts.mart_margin_waterfall_monthly "
        "where month_start_date = '2026-06-01' and partner_code = 'D01')",
    )
    page = opened(SAMPLE_COMPANY, published_copy, monkeypatch)
    assert page.warning[0].value == (
        "Lignes de facture sans cours de change : 1. Leur montant manque au sell-in."
    )
    turned_to(page, "margin")
    assert page.warning[0].value.startswith("Lignes sans coût ou sans cours de change : 3. ")
    (drawn,) = page.get("vega_lite_chart")
    steps = pa.ipc.open_stream(drawn.proto.datasets[0].data.data).read_all().to_pandas()
    known = dict(zip(steps["margin_step_code"], steps["amount"].notna(), strict=True))
    assert {step for step, is_known in known.items() if not is_known} == {
        "pocket_margin",
        "channel_contribution",
    }


def test_a_day_is_a_day_in_every_time_zone(page: AppTest) -> None:
    turned_to(page, "stock")
    days = page.dataframe[0].value["stock_date"]
    assert {type(day) for day in days} == {date}


def test_amounts_say_their_currency_and_partners_their_name(page: AppTest) -> None:
    turned_to(page, "margin")
    profits = page.dataframe[0]
    assert profits.value.set_index("partner_code").loc["D13", "partner_name"] == "Normandie Fluides"
    headings = {column["label"] for column in json.loads(profits.proto.columns).values() if "label" in column}
    assert "Ventes facturées (EUR)" in headings


def test_the_pages_say_of_whom_and_of_which_months_they_are(page: AppTest) -> None:
    assert "Arvel Fluides SAS" in page.sidebar.caption[0].value
    assert page.main.caption[0].value == "06/2025 – 05/2026"


def test_a_partner_is_told_with_its_conflicts(page: AppTest, published: duckdb.DuckDBPyConnection) -> None:
    turned_to(page, "partner")
    sound(page.sidebar.selectbox[0].select("D11").run())
    expected = published.execute(
        "select partner_code, other_partner_code, at_stake_amount from marts.mart_territory_conflicts "
        "where status_code = 'open' and 'D11' in (partner_code, other_partner_code)"
    ).fetchall()
    shown = page.dataframe[0].value
    others = sorted(other if partner == "D11" else partner for partner, other, _ in expected)
    assert sorted(shown["other_partner_code"]) == others
    assert Decimal(str(round(shown["at_stake_amount"].sum(), 2))) == sum(stake for *_, stake in expected)


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
