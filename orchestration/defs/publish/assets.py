"""Publication as assets: the DuckDB file that readers open, Parquet, and PostgreSQL."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from connectors.errors import AvalError
from orchestration.console import progress, say
from orchestration.defs.resources import CompanyResource
from orchestration.postgresql import SENDING, NotNow
from orchestration.publish import goes_beyond_the_file, newest_version
from orchestration.release import release, send
from orchestration.settings import Settings

DUCKDB = dg.AssetKey(["publish", "duckdb"])
PARQUET = dg.AssetKey(["publish", "parquet"])
POSTGRESQL = dg.AssetKey(["publish", "postgresql"])


def assets(settings: Settings, public: Sequence[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """What is published, from the public models."""
    shared = [key for key in public if goes_beyond_the_file(*key.path)]

    def spec(key: dg.AssetKey, kind: str, deps: Sequence[dg.AssetKey], description: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            key,
            deps=deps,
            group_name="publish",
            kinds={kind},
            owners=settings.owners,
            description=description,
        )

    specs = [spec(DUCKDB, "duckdb", public, "The public tables, as one file: published/current.duckdb.")]
    if settings.company.publish.parquet:
        what = "Marts and dimensions as Parquet: published/parquet/current."
        specs.append(spec(PARQUET, "parquet", shared, what))

    @dg.multi_asset(name="publish", specs=specs, pool="warehouse")
    def publish(
        context: dg.AssetExecutionContext, company: CompanyResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Switch readers to the new version, if the gates have passed exactly this warehouse."""
        loaded = company.settings
        with company.ledger() as ledger:
            former = newest_version(loaded.paths.published)
            try:
                publication = release(loaded, ledger, context.run_id, progress=progress)
            except AvalError as error:
                raise dg.Failure(
                    description=str(error), metadata={"code": error.code}, allow_retries=False
                ) from error
        is_new = publication.version != former
        say(context.log, f"{'published' if is_new else 'nothing new, still'} version {publication.version}")
        rows = sum(publication.rows.values())
        yield dg.MaterializeResult(
            asset_key=DUCKDB,
            metadata={
                "version": publication.version,
                "path": dg.MetadataValue.path(publication.path),
                "bytes": publication.bytes,
                "dagster/row_count": rows,
                "rows by table": dg.MetadataValue.json(dict(publication.rows)),
            },
        )
        if len(specs) > 1:
            folder = publication.parquet
            files = sorted(folder.rglob("*.parquet")) if folder else []
            yield dg.MaterializeResult(
                asset_key=PARQUET,
                metadata={
                    "version": publication.version,
                    "path": dg.MetadataValue.path(folder or ""),
                    "files": len(files),
                    "bytes": sum(path.stat().st_size for path in files),
                },
            )

    if settings.company.publish.postgresql is None:
        return [publish]

    @dg.multi_asset(
        name=SENDING,
        specs=[
            spec(
                POSTGRESQL,
                "postgres",
                [DUCKDB],
                "Marts, dimensions and closed rows in the company's PostgreSQL database.",
            )
        ],
        # It tries again by itself while the server does not answer; this is once more, later.
        retry_policy=dg.RetryPolicy(
            max_retries=min(1, settings.company.publish.postgresql.retries),
            delay=60,
            jitter=dg.Jitter.PLUS_MINUS,
        ),
    )
    def publish_postgresql(
        context: dg.AssetExecutionContext, company: CompanyResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Bring the new version to PostgreSQL in one transaction."""
        with company.ledger() as ledger:
            try:
                sent = send(company.settings, ledger, progress=progress)
            except AvalError as error:
                raise dg.Failure(
                    description=str(error),
                    metadata={"code": error.code, "fault": type(error).__name__},
                    allow_retries=isinstance(error, NotNow),
                ) from error
        if sent is not None:
            say(context.log, f"PostgreSQL: {sent.rows:,} rows of {sent.tables} tables replaced")
            yield dg.MaterializeResult(metadata={"version": sent.version, "rows replaced": sent.rows})

    return [publish, publish_postgresql]
