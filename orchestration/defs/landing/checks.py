"""Checks of what came in: the blocking gate, and the freshness of each source as a warning."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial

import dagster as dg

from orchestration import gates
from orchestration.console import say
from orchestration.defs.landing.assets import ERP_SOURCE, inbox_key, source_key
from orchestration.defs.resources import CompanyResource
from orchestration.feeds_status import all_feeds
from orchestration.settings import Settings

FRESHNESS = "reports_on_time"
READ_WHOLE = "is_read_whole"
BATCHES = dg.AssetKey(["landing", "ledger", "batches"])


def checks(settings: Settings) -> Sequence[dg.AssetChecksDefinition]:
    """The landing gate and the freshness of each feed."""
    keys = gates.landing_keys()

    @dg.multi_asset_check(
        name="gate_landing",
        # The ledger's own step stands between the entities and the gate, so only its check can block; a
        # closed gate shows there, whatever entity it was about.
        specs=[gates.check_spec("landing", key, blocking=key == gates.SLICES) for key in keys],
        can_subset=True,
        # The gate keeps its results in the warehouse.
        pool="warehouse",
    )
    def gate_landing(
        context: dg.AssetCheckExecutionContext, company: CompanyResource
    ) -> Iterator[dg.AssetCheckResult]:
        """Judge what came in; a closed gate fails the run and nothing is built."""
        yield from gates.pass_through(
            company.settings,
            "landing",
            context.run.run_id,
            keys,
            gates.SLICES,
            {check.asset_key for check in context.selected_asset_check_keys},
            partial(say, context.log),
        )

    feeds = list(settings.profiles)
    specs = [
        *(
            dg.AssetCheckSpec(
                FRESHNESS,
                asset=inbox_key(code),
                additional_deps=[BATCHES],
                description="Every report of this feed that was due by now has come.",
            )
            for code in feeds
        ),
        dg.AssetCheckSpec(
            "is_fresh",
            asset=ERP_SOURCE,
            additional_deps=[BATCHES],
            description="The ERP brings invoices of last month or later.",
        ),
        *(
            dg.AssetCheckSpec(
                READ_WHOLE,
                asset=source_key(name),
                additional_deps=[BATCHES],
                description="The source was read, and none of its rows waits in quarantine.",
            )
            for name in settings.company.sources
        ),
    ]

    @dg.multi_asset_check(name="freshness_of_sources", specs=specs)
    def freshness_of_sources(
        context: dg.AssetCheckExecutionContext, company: CompanyResource
    ) -> Iterator[dg.AssetCheckResult]:
        """Say which reports are missing and which sources are down; warnings, because one stops nobody."""
        from connectors.sources.intake import standing

        loaded = company.settings
        with company.ledger() as ledger:
            statuses = {
                status.feed_code: status
                for status in all_feeds(loaded.profiles, ledger, loaded.company.today(), loaded.company.zone)
            }
            months = [
                key
                for system, entity, key in ledger.live_slices()
                if (system, entity) == ("erp", "invoice_lines")
            ]
            standings = {name: standing(ledger, name) for name in loaded.company.sources}
        newest = max(months, default="").partition("|")[2]
        for code in feeds:
            status = statuses.get(code)
            missing = status.missing if status else []
            yield dg.AssetCheckResult(
                asset_key=inbox_key(code),
                check_name=FRESHNESS,
                passed=not missing,
                severity=dg.AssetCheckSeverity.WARN,
                description=f"missing: {', '.join(missing)}" if missing else None,
                metadata={
                    "expected": status.expected if status else 0,
                    "received": status.received if status else 0,
                    "missing": list(missing),
                    "late": list(status.late) if status else [],
                    "last period": (status.last_period if status else None) or "none",
                },
            )
        for name, state in standings.items():
            yield dg.AssetCheckResult(
                asset_key=source_key(name),
                check_name=READ_WHOLE,
                passed=state.failure is None and not state.rows_held,
                severity=dg.AssetCheckSeverity.WARN,
                description=state.failure
                or (
                    f"{state.rows_held} rows in quarantine; `aval sources faults {name}`"
                    if state.rows_held
                    else None
                ),
                metadata={"last read": state.read_at or "never", "rows in quarantine": state.rows_held},
            )
        yield dg.AssetCheckResult(
            asset_key=ERP_SOURCE,
            check_name="is_fresh",
            passed=newest >= _month_before(loaded.company.today()),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"newest month of invoices": newest or "none"},
        )

    return [gate_landing, freshness_of_sources]


def _month_before(today: date) -> str:
    """The month before today's, as `2026-05`: invoices that stop earlier are a source that has gone quiet."""
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"
