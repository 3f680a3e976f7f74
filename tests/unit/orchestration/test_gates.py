"""A gate's verdict as Dagster's checks: the right asset, the figures, and a failure in words."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from connectors.ledger import Ledger
from expectations.validate import ExpectationOutcome, Verdict
from orchestration import gates
from orchestration.plan import Options, decide, read_outcomes, read_validated, save_plan, situation
from orchestration.settings import Settings, load_settings

COMPANY = """
company: {code: acme, name: Acme}
erp: {kind: sql, url: "sqlite:///erp.sqlite", queries: erp}
inbox: {path: inbox}
"""
SELL_IN = dg.AssetKey(["core", "fct_sell_in"])
SELL_OUT = dg.AssetKey(["core", "fct_sell_out"])


def found(table: str, *, success: bool, severity: str = "critical") -> ExpectationOutcome:
    return ExpectationOutcome(
        name="one_row_per_line",
        table=table,
        column="line_id",
        severity=severity,  # type: ignore[arg-type]
        success=success,
        observed="1 of 8 rows",
        unexpected_count=0 if success else 1,
        checked_rows=8,
        message="A line is there twice.",
        remedy="Rebuild the month.",
    )


def verdict(*results: ExpectationOutcome) -> Verdict:
    closed = any(not item.success and item.severity == "critical" for item in results)
    return Verdict("core", not closed, results, 0.1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "company").mkdir()
    (tmp_path / "company" / "company.yml").write_text(COMPANY)
    return load_settings(tmp_path / "company", tmp_path / "data")


@pytest.mark.parametrize(
    ("table", "asset"),
    [
        ("landing.invoice_lines", "landing/erp/invoice_lines"),
        ("landing.versions_of_invoice_lines", "landing/erp/invoice_lines"),
        ("landing.sell_out", "landing/feeds/sell_out"),
        ("ledger.slices", "landing/ledger/slices"),
        ("ledger.batches", "landing/ledger/slices"),
    ],
)
def test_a_table_of_the_gate_stands_for_its_asset(table: str, asset: str) -> None:
    assert gates.asset_of(table, gates.landing_keys(), gates.SLICES).to_user_string() == asset


def test_the_rows_in_scope_stand_for_the_fact() -> None:
    assert gates.asset_of("core.fct_sell_out_in_scope", [SELL_IN, SELL_OUT], SELL_IN) == SELL_OUT


def test_each_asset_gets_its_own_result_with_figures() -> None:
    results = {
        result.asset_key: result
        for result in gates.check_results(
            verdict(found("core.fct_sell_in", success=True), found("core.fct_sell_out", success=False)),
            "touched",
            [SELL_IN, SELL_OUT],
            SELL_IN,
        )
    }
    assert results[SELL_IN].passed
    assert not results[SELL_OUT].passed
    assert results[SELL_OUT].severity == dg.AssetCheckSeverity.ERROR
    assert results[SELL_OUT].description == "A line is there twice."
    assert results[SELL_OUT].metadata["rows checked"].value == 8
    assert results[SELL_OUT].metadata["failed"].value == 1


def test_a_warning_closes_nothing() -> None:
    (result,) = gates.check_results(
        verdict(found("core.fct_sell_in", success=False, severity="warning")), "all", [SELL_IN], SELL_IN
    )
    assert result.passed
    assert result.metadata["warnings"].value == 1


def pass_through(settings: Settings, monkeypatch: pytest.MonkeyPatch, gate: str, judged: Verdict) -> None:
    monkeypatch.setattr(gates, "run_gate", lambda *_, **__: judged)
    for _ in gates.pass_through(settings, gate, "run-1", [SELL_IN], SELL_IN, {SELL_IN}, lambda _: None):  # type: ignore[arg-type]
        pass


def test_only_the_run_that_builds_everything_again_tells_the_gate_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def judge(*_: object, **options: object) -> Verdict:
        asked.append(options)
        return verdict(found("core.fct_sell_in", success=True))

    monkeypatch.setattr(gates, "run_gate", judge)
    with Ledger(settings.paths.ledger) as ledger:
        plan = decide("run-1", Options(full_refresh=True), situation(settings, ledger))
        save_plan(ledger, plan)
    for run_id in ("run-1", "run-2"):
        list(gates.pass_through(settings, "core", run_id, [SELL_IN], SELL_IN, {SELL_IN}, lambda _: None))
    assert asked == [{"is_rebuilt": True}, {"is_rebuilt": False}]


def test_a_gate_closes_on_a_table_that_was_not_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = verdict(found("core.fct_sell_in", success=True), found("core.fct_sell_out", success=False))
    monkeypatch.setattr(gates, "run_gate", lambda *_, **__: judged)
    passing = gates.pass_through(
        settings, "core", "run-1", [SELL_IN, SELL_OUT], SELL_IN, {SELL_IN}, lambda _: None
    )
    assert next(passing).asset_key == SELL_IN
    with pytest.raises(dg.Failure):
        next(passing)


def test_a_closed_gate_fails_the_step_in_words_and_leaves_no_record_of_a_pass(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(dg.Failure) as caught:
        pass_through(settings, monkeypatch, "core", verdict(found("core.fct_sell_in", success=False)))
    assert "A line is there twice." in (caught.value.description or "")
    assert "Rebuild the month." in (caught.value.description or "")
    assert not caught.value.allow_retries
    with Ledger(settings.paths.ledger) as ledger:
        assert [item.passed for item in read_outcomes(ledger, "run-1")] == [False]
        assert read_validated(ledger) is None


def test_only_a_file_that_core_and_marts_have_passed_in_one_run_is_trusted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.paths.warehouse.parent.mkdir(parents=True)
    settings.paths.warehouse.write_bytes(b"a warehouse")
    judged = found("marts.mart_month", success=True)
    pass_through(settings, monkeypatch, "marts", Verdict("marts", True, (judged,), 0.1))
    with Ledger(settings.paths.ledger) as ledger:
        assert read_validated(ledger) is None
    pass_through(settings, monkeypatch, "core", verdict(found("core.fct_sell_in", success=True)))
    pass_through(settings, monkeypatch, "marts", Verdict("marts", True, (judged,), 0.1))
    with Ledger(settings.paths.ledger) as ledger:
        validated = read_validated(ledger)
    assert validated is not None
    assert validated.warehouse.startswith("11-")
    assert {item.gate for item in validated.outcomes} == {"core", "marts"}
