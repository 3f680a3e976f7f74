"""Where nobody does anything wrong, alerts tell nothing but what is true of terms, leads and rebates.

Two years of all partners by ERP and ledger, and the reports of the nine partners whose reports or stocks are
planted in the other company. docs/alerts.md has all partners, and other seeds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.accounting import exports
from connectors.erp.pull import pull_erp
from connectors.feeds.intake.run import take_in
from connectors.rules import land_rules
from connectors.sample import AS_OF, generate
from orchestration.settings import SAMPLE_COMPANY, load_settings
from tests.integration.dbt.conftest import Company

pytestmark = pytest.mark.slow

REPORTING = ("D03", "D06", "D07", "D08", "D09", "D11", "D13", "D14", "D15")
TRUE = [
    # Its lorry takes three days instead of two since October 2025.
    ("delivery_drift", "D22"),
    # It has 43 % since April 2025, the highest discount of all: below the target twice.
    ("margin_under_target", "D19"),
    ("margin_under_target", "D19"),
    # Chance passed LD-2026-00154 to D08, where D17 is exclusive.
    ("territory_conflict", "D08"),
]


def test_two_quiet_years_raise_no_false_alert(tmp_path: Path, manifest_data: Path) -> None:
    generate(tmp_path / "source", is_quiet=True)
    settings = load_settings(SAMPLE_COMPANY, tmp_path)
    profiles = {code: profile for code, profile in settings.profiles.items() if profile.partner in REPORTING}
    company, now = Company(tmp_path, manifest_data), datetime.now(UTC)
    with company.ledger as ledger:
        pull_erp(settings.paths, settings.company, ledger, now=now, accept_deleted=False)
        taken = take_in(settings.paths, settings.company, profiles, ledger, now=now)
        exports.take_in(settings.paths, settings.company, ledger, now=now)
        land_rules(settings.paths, settings.company, profiles, ledger, now=now)
        ledger.export(settings.paths.landing)
    company.build("+fct_alerts", scope="all", as_of=AS_OF)

    assert taken.counts["landed"] > 400
    # A rule that sees nothing raises nothing.
    assert company.query("select count(distinct partner_code) from core.fct_sell_out") == [(len(REPORTING),)]
    assert company.query("select count(*) > 0 from core.fct_gl_entries") == [(True,)]
    found = company.query(
        "select rule_code, partner_code from marts.fct_alerts where rule_code not like 'rebate_tier%' "
        "order by all"
    )
    assert found == TRUE
