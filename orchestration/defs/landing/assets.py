"""Landing: ERP, partners' reports and the company's rules become Parquet, and the ledger knows of it.

The asset `landing/ledger/slices` is the switch of the whole flow: it is materialized only if something has
to be built, and Dagster skips everything downstream of an output that did not come.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from connectors.contract import (
    ACCOUNTING_ENTITIES,
    CLOSING_ENTITIES,
    ENTITIES,
    ERP_ENTITIES,
    FEED_ENTITIES,
    RULE_ENTITIES,
    SOURCE_ENTITIES,
    Entity,
)
from connectors.errors import AvalError, SourceError
from connectors.feeds.periods import DAYS
from connectors.landing import entity_folder, write_schemas
from connectors.ledger import Batch, Ledger
from orchestration import plan, preview
from orchestration.console import progress, say
from orchestration.defs.resources import CompanyResource, RunOptions
from orchestration.settings import Settings

MAY_PASS = frozenset({"erp_unreachable", "erp_empty", "incomplete_load"})
"""Faults of a pull by code that may be gone a minute later: the ERP was away, or was being copied."""

ERP_SOURCE = dg.AssetKey(["source", "erp"])
RULES_SOURCE = dg.AssetKey(["source", "company_directory"])
ACCOUNTING_SOURCE = dg.AssetKey(["source", "general_ledger"])


def _key(system: str, name: str) -> dg.AssetKey:
    return dg.AssetKey(["landing", system, name])


def inbox_key(feed_code: str) -> dg.AssetKey:
    return dg.AssetKey(["inbox", feed_code])


def source_key(entity: str) -> dg.AssetKey:
    return dg.AssetKey(["source", entity])


def of_erp(settings: Settings) -> tuple[Entity, ...]:
    """The entities that come from the ERP, not from a source in its place."""
    return tuple(entity for entity in ERP_ENTITIES if entity.name not in settings.company.sources)


def of_sources(settings: Settings) -> tuple[Entity, ...]:
    """The entities that sources beside the ERP bring, or would bring if the company had one."""
    from_crm = tuple(entity for entity in ERP_ENTITIES if entity.name in settings.company.sources)
    return (*SOURCE_ENTITIES, *from_crm)


def sources(settings: Settings) -> list[dg.AssetSpec]:
    """What is outside: the ERP, the company directory and each partner's reports, with their freshness."""
    owners = settings.owners
    daily = timedelta(days=1)
    specs = [
        dg.AssetSpec(
            ERP_SOURCE,
            group_name="sources",
            kinds={settings.company.erp.kind},
            owners=owners,
            description="The ERP, as the company directory says.",
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=3 * daily, warn_window=2 * daily),
        ),
        dg.AssetSpec(
            RULES_SOURCE,
            group_name="sources",
            kinds={"yaml"},
            owners=owners,
            description="Feeds, crosswalks and thresholds of the company directory.",
        ),
        dg.AssetSpec(
            ACCOUNTING_SOURCE,
            group_name="sources",
            kinds={"fec"},
            owners=owners,
            description="Exports of the general ledger, where the company connects them.",
            # At least the closing of each fiscal year is exported.
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=400 * daily, warn_window=370 * daily),
        ),
    ]
    connected = {str(name): source for name, source in settings.company.sources.items()}
    for entity in of_sources(settings):
        source = connected.get(entity.name)
        specs.append(
            dg.AssetSpec(
                source_key(entity.name),
                group_name="sources",
                kinds={source.kind if source is not None else "yaml"},
                owners=owners,
                description=f"Where {entity.name} come from"
                + (", as company.yml says." if source is not None else ": not connected (docs/sources.md)."),
                # What is not connected has nothing to be late with.
                freshness_policy=dg.FreshnessPolicy.time_window(fail_window=3 * daily, warn_window=2 * daily)
                if source is not None
                else None,
            )
        )
    for code, profile in settings.profiles.items():
        _, longest = DAYS[profile.period.frequency]
        # A report is late once its successor is due as well; working days may lie around holidays.
        wait = profile.due_days if profile.due_working_days is None else 2 * profile.due_working_days + 3
        window = timedelta(days=longest + wait + 1)
        specs.append(
            dg.AssetSpec(
                inbox_key(code),
                group_name="sources",
                kinds={profile.container.kind},
                owners=owners,
                description=profile.description or f"Reports of partner {profile.partner}.",
                metadata={"partner": profile.partner, "files": profile.files.glob},
                freshness_policy=dg.FreshnessPolicy.time_window(
                    fail_window=window + daily, warn_window=window
                ),
            )
        )
    return specs


def assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The six steps of landing."""
    owners = settings.owners

    def specs(entities: tuple[Entity, ...], deps: list[dg.AssetKey], kind: str) -> list[dg.AssetSpec]:
        return [
            dg.AssetSpec(
                _key(entity.system, entity.name),
                deps=deps,
                group_name="landing",
                kinds={kind, "parquet"},
                owners=owners,
                description=f"Grain: {entity.grain}.",
                metadata={"dagster/column_schema": _columns(entity)},
            )
            for entity in entities
        ]

    # The pull itself tries again while the ERP does not answer (erp.retries); this is once more, later.
    pulls = dg.RetryPolicy(
        max_retries=min(1, settings.company.erp.retries), delay=60, jitter=dg.Jitter.PLUS_MINUS
    )
    # An inbox on a network share may be away for a moment.
    looks = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
    inboxes = [inbox_key(code) for code in settings.profiles]
    quarantine = dg.AssetSpec(
        _key("feeds", "quarantine"),
        deps=inboxes,
        group_name="landing",
        kinds={"parquet"},
        owners=owners,
        description="Grain: one fault of one row of a report that was not accepted.",
    )

    @dg.multi_asset(
        name="landing_erp",
        specs=specs(of_erp(settings), [ERP_SOURCE], "dlt"),
        can_subset=True,
        retry_policy=pulls,
    )
    def landing_erp(
        context: dg.AssetExecutionContext, company: CompanyResource, run_options: RunOptions
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Pull what changed in the ERP."""
        from connectors.erp.pull import pull_erp

        settings = company.settings
        wanted = {key.path[-1] for key in context.selected_asset_keys}
        with company.ledger() as ledger:
            before = ledger.last_batch_id()
            try:
                pulled = pull_erp(
                    settings.paths,
                    settings.company,
                    ledger,
                    now=datetime.now(UTC),
                    entities=None if len(wanted) == len(ERP_ENTITIES) else sorted(wanted),
                    accept_deleted=run_options.accept_deleted_documents,
                    progress=lambda text: progress(f"ERP: {text}"),
                )
            except AvalError as error:
                # A mapping query that is wrong is wrong a minute later too.
                raise _failure(error, retry=error.code in MAY_PASS) from error
            batches = ledger.batches("erp", since=before)
        say(
            context.log,
            f"ERP: {pulled.rows_read:,} rows read, {pulled.rows_landed:,} new or changed rows landed, "
            f"{pulled.deleted_rows:,} deleted",
        )
        context.log_event(dg.AssetMaterialization(ERP_SOURCE, metadata={"rows read": pulled.rows_read}))
        for entity in of_erp(settings):
            if entity.name in wanted:
                new = [batch for batch in batches if batch.source == entity.name]
                yield dg.MaterializeResult(
                    asset_key=_key("erp", entity.name),
                    metadata=_metadata(entity_folder(settings.paths.landing, entity), new),
                )

    @dg.multi_asset(
        name="landing_feeds",
        specs=[*specs(FEED_ENTITIES, inboxes, "file"), quarantine],
        retry_policy=looks,
    )
    def landing_feeds(
        context: dg.AssetExecutionContext, company: CompanyResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Fetch what partners delivered elsewhere and take in their files; a bad one stops no other."""
        from connectors.delivery.collect import collect
        from connectors.feeds.intake.run import take_in

        settings = company.settings
        write_schemas(settings.paths.landing)
        with company.ledger() as ledger:
            before = ledger.last_batch_id()
            try:
                for seen in collect(settings.company, ledger, now=datetime.now(UTC)):
                    say(context.log, f"delivery {seen.delivery}: {seen.in_words()}")
                taken = take_in(
                    settings.paths,
                    settings.company,
                    settings.profiles,
                    ledger,
                    now=datetime.now(UTC),
                    progress=lambda done, files, name: progress(f"reports: {done:,} of {files:,}, {name}"),
                )
            except AvalError as error:
                raise _failure(error, retry=isinstance(error, SourceError)) from error
            batches = ledger.batches("feeds", since=before)
            aside = [
                plan.LeftAside(file.file_name, file.feed_code or "", file.state, file.reason or "")
                for file in taken.in_state("waiting", "refused", "unmatched")
            ]
            plan.save_left_aside(ledger, aside)
        counts = ", ".join(f"{count:,} {state}" for state, count in sorted(taken.counts.items()))
        say(context.log, f"reports: {counts or 'none in the inbox'}")
        for code, arrived in _arrivals(batches).items():
            context.log_event(dg.AssetMaterialization(inbox_key(code), metadata=_reports(arrived)))
        for entity in FEED_ENTITIES:
            yield dg.MaterializeResult(
                asset_key=_key("feeds", entity.name),
                metadata=_metadata(entity_folder(settings.paths.landing, entity), batches),
            )
        yield dg.MaterializeResult(
            asset_key=quarantine.key,
            metadata=_metadata(settings.paths.landing / "feeds" / "quarantine", batches),
        )

    @dg.multi_asset(
        name="landing_sources",
        specs=[
            spec
            for entity in of_sources(settings)
            for spec in specs((entity,), [source_key(entity.name)], "dlt")
        ],
    )
    def landing_sources(
        context: dg.AssetExecutionContext, company: CompanyResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Read what the company keeps beside its ERP; a source that is down stops no other."""
        from connectors.sources.intake import take_in

        settings = company.settings
        with company.ledger() as ledger:
            before = ledger.last_batch_id()
            taken = take_in(
                settings.paths,
                settings.company,
                ledger,
                now=datetime.now(UTC),
                progress=lambda text: progress(f"sources: {text}"),
            )
            batches = [*ledger.batches("sources", since=before), *ledger.batches("erp", since=before)]
        for source in taken:
            say(context.log, f"source {source.entity}: {source.in_words()}")
            if source.error is None:
                context.log_event(
                    dg.AssetMaterialization(
                        source_key(source.entity), metadata={"rows read": source.rows_read}
                    )
                )
        for entity in of_sources(settings):
            new = [batch for batch in batches if batch.source == entity.name]
            yield dg.MaterializeResult(
                asset_key=_key(entity.system, entity.name),
                metadata=_metadata(entity_folder(settings.paths.landing, entity), new),
            )

    @dg.multi_asset(name="landing_accounting", specs=specs(ACCOUNTING_ENTITIES, [ACCOUNTING_SOURCE], "fec"))
    def landing_accounting(
        context: dg.AssetExecutionContext, company: CompanyResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Take in new exports of the general ledger; an unreadable one never stops the others."""
        from connectors.accounting.exports import take_in

        settings = company.settings
        with company.ledger() as ledger:
            before = ledger.last_batch_id()
            try:
                taken = take_in(settings.paths, settings.company, ledger, now=datetime.now(UTC))
            except AvalError as error:
                raise _failure(error, retry=isinstance(error, SourceError)) from error
            batches = ledger.batches("accounting", since=before)
        for export in taken:
            detail = export.reason or (
                f"{export.rows_accepted:,} lines, debit {export.totals['debit']}, "
                f"credit {export.totals['credit']}, "
                f"{export.totals['unbalanced_entries']} entries out of balance"
            )
            if export.rows_quarantined:
                detail += f", {export.rows_quarantined:,} lines in quarantine, first {export.first_fault}"
            say(context.log, f"general ledger: {export.name} {export.state}: {detail}")
        for entity in ACCOUNTING_ENTITIES:
            yield dg.MaterializeResult(
                asset_key=_key("accounting", entity.name),
                metadata=_metadata(entity_folder(settings.paths.landing, entity), batches),
            )

    @dg.multi_asset(
        name="landing_rules",
        specs=[
            *specs(RULE_ENTITIES, [RULES_SOURCE], "yaml"),
            *specs(CLOSING_ENTITIES, [RULES_SOURCE], "parquet"),
        ],
    )
    def landing_rules(
        context: dg.AssetExecutionContext, company: CompanyResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Land what changed in the company directory; show what `aval close` has landed."""
        from connectors.rules import land_rules

        settings = company.settings
        with company.ledger() as ledger:
            before = ledger.last_batch_id()
            try:
                land_rules(settings.paths, settings.company, settings.profiles, ledger, now=datetime.now(UTC))
            except AvalError as error:
                raise _failure(error, retry=False) from error
            batches = ledger.batches("rules", since=before)
            closings = ledger.batches("closing")
        for entity in (*RULE_ENTITIES, *CLOSING_ENTITIES):
            known = batches if entity.system == "rules" else closings
            new = [batch for batch in known if batch.source == entity.name]
            yield dg.MaterializeResult(
                asset_key=_key(entity.system, entity.name),
                metadata=_metadata(entity_folder(settings.paths.landing, entity), new),
            )

    landed = [
        *(_key(entity.system, entity.name) for entity in ENTITIES.values()),
        quarantine.key,
    ]

    @dg.multi_asset(
        name="landing_ledger",
        specs=[
            dg.AssetSpec(
                _key("ledger", "batches"),
                deps=landed,
                group_name="landing",
                kinds={"sqlite", "parquet"},
                owners=owners,
                description="Grain: one file seen or extract pulled, with its state and counts.",
            ),
            dg.AssetSpec(
                _key("ledger", "slices"),
                deps=landed,
                skippable=True,
                group_name="landing",
                kinds={"sqlite", "parquet"},
                owners=owners,
                description="Grain: one live slice. Comes only if something has to be built.",
            ),
        ],
    )
    def landing_ledger(
        context: dg.AssetExecutionContext, company: CompanyResource, run_options: RunOptions
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Write the ledger for SQL and decide what the rest of the run has to do."""
        settings = company.settings
        with company.ledger() as ledger:
            try:
                ask_for_rebuild(ledger, run_options.rebuild)
            except AvalError as error:
                raise _failure(error, retry=False) from error
            decided = plan.decide(context.run_id, run_options.options(), plan.situation(settings, ledger))
            plan.save_plan(ledger, decided)
            ledger.export(settings.paths.landing)
        folder = settings.paths.landing / "ledger"
        yield dg.MaterializeResult(
            asset_key=_key("ledger", "batches"), metadata=preview.landed_file(folder / "batches.parquet")
        )
        if not decided.is_needed:
            say(context.log, "nothing new: what is published is what the sources say")
            return
        say(context.log, f"to build: {'; '.join(decided.reasons)}")
        yield dg.MaterializeResult(
            asset_key=_key("ledger", "slices"),
            metadata={
                **preview.landed_file(folder / "slices.parquet"),
                "reasons": "; ".join(decided.reasons),
                "scope": decided.scope,
            },
        )

    return [
        landing_erp,
        landing_feeds,
        landing_accounting,
        landing_sources,
        landing_rules,
        landing_ledger,
    ]


def ask_for_rebuild(ledger: Ledger, span: str) -> int:
    """Mark the live slices of a span of months as pending; returns how many."""
    if not span:
        return 0
    first, last = plan.span_of_months(span)
    return ledger.mark_pending(ledger.live_slices(first, last), plan.REBUILD)


def _failure(error: AvalError, *, retry: bool) -> dg.Failure:
    return dg.Failure(
        description=str(error),
        metadata={"code": error.code, "fault": type(error).__name__},
        allow_retries=retry,
    )


def _metadata(folder: Path, batches: list[Batch]) -> dict[str, Any]:
    """What this run landed in a folder. Only its own files are looked at, whatever lies there from before."""
    files = [path for batch in batches if (path := _file(folder, batch)).is_file()]
    days = [day for batch in batches for day in (batch.period_start_date, batch.period_end_date) if day]
    return {
        "dagster/row_count": sum(preview.row_count(path) for path in files),
        "new batches": len(batches),
        "bytes": sum(path.stat().st_size for path in files),
        **({"period": f"{min(days)} to {max(days)}"} if days else {}),
        **({"preview": preview.first_lines(files[-1])} if files else {}),
    }


def _file(folder: Path, batch: Batch) -> Path:
    """The file that a batch brought into the folder of an entity, if it brought one."""
    if batch.system == "feeds":
        folder = folder / (batch.partner_code or "") / (batch.feed_code or "")
    return folder / f"{batch.batch_id}.parquet"


def _arrivals(batches: list[Batch]) -> dict[str, list[Batch]]:
    """Reports that landed, by feed: an event for each of a thousand files would take minutes."""
    found: dict[str, list[Batch]] = {}
    for batch in batches:
        if batch.state in ("landed", "superseded") and batch.feed_code:
            found.setdefault(batch.feed_code, []).append(batch)
    return found


def _reports(arrived: list[Batch]) -> dict[str, Any]:
    newest = arrived[-1]
    return {
        "files": len(arrived),
        "newest file": newest.file_name or "",
        "newest period": f"{newest.period_start_date} to {newest.period_end_date}",
        "dagster/row_count": sum(batch.rows_accepted for batch in arrived),
        "rows quarantined": sum(batch.rows_quarantined for batch in arrived),
        "bytes": sum(batch.bytes for batch in arrived),
    }


def _columns(entity: Entity) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type.lower(),
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=not column.required),
            )
            for column in entity.all_columns
        ]
    )
