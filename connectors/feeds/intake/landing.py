"""Writing good rows to Parquet, and the slices that they make.

What belongs here: what a batch brings, and where it lies. What does not: which rows are good (`reading`), and
entering batches in the ledger (`files`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from connectors.contract import entity
from connectors.feeds.edi.reports import Report
from connectors.feeds.normalise.canonical import lines, personal_values
from connectors.feeds.normalise.layout import Layout
from connectors.feeds.parquet import ROW_GROUP, write_files
from connectors.feeds.periods import Span
from connectors.feeds.profile import Profile
from connectors.feeds.table import quoted
from connectors.landing import atomic_file, atomic_files
from connectors.ledger import Batch, Slice

Totals = dict[tuple[str, str], tuple[int, str, str]]
"""Rows, quantity and amount by slice key and document ('' if it is no EDI)."""


def entities_of(profile: Profile) -> list[str]:
    """The canonical entities that a feed reports."""
    names = [("sell_out", profile.reports_sell_out), ("inventory", profile.reports_inventory)]
    return [name for name, reported in names if reported]


def place_of(entity_name: str, batch: Batch) -> str:
    """Path below landing of what a batch brought of an entity."""
    return f"feeds/{entity_name}/{batch.partner_code}/{batch.feed_code}/{batch.batch_id}.parquet"


def write_entity(
    connection: duckdb.DuckDBPyConnection,
    landing: Path,
    name: str,
    layout: Layout,
    batches: Mapping[int, Batch],
    now: datetime,
) -> dict[int, tuple[Totals, dict[str, int]]]:
    """Write an entity's rows of each file, named by its batch; gives by file the totals by slice, and how
    many rows look personal by column.
    """
    feed_code = next(iter(batches.values())).feed_code or ""
    with atomic_files([landing / place_of(name, batch) for batch in batches.values()]) as parts:
        targets = dict(zip(batches, parts, strict=True))
        provenance = {file: (batch.batch_id, batch.file_name or "") for file, batch in batches.items()}
        write_lines(connection, name, layout, feed_code, provenance, now, targets)
        # Read back from the files: the control totals are those of what lies on disk.
        totals = totals_of(connection, parts, name)
        personal = personal_values(connection, layout, parts)
        return dict(zip(batches, zip(totals, personal, strict=True), strict=True))


def write_lines(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    layout: Layout,
    feed_code: str,
    provenance: Mapping[int, tuple[str, str]],
    landed_at: datetime,
    targets: Mapping[int, Path],
) -> None:
    """Write an entity's rows of several files; `provenance` gives batch and name of each."""
    landed = lines(layout, name, feed_code)
    constants = {
        file: {
            **landed.constants[file],
            "_batch_id": batch_id,
            "_source_file": file_name,
            "_landed_at": landed_at.astimezone(UTC).replace(tzinfo=None),
            "_is_deleted": False,
        }
        for file, (batch_id, file_name) in provenance.items()
    }
    nothing = ", ".join(f"cast(null as {c.type}) as {c.name}" for c in entity("feeds", name).all_columns)
    schema = connection.execute(f"select {nothing} limit 0").to_arrow_table().schema
    rows = connection.execute(landed.query).to_arrow_reader(ROW_GROUP)
    write_files(rows, schema, constants, targets)


def totals_of(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], name: str) -> list[Totals]:
    """Rows and exact control totals of each Parquet file."""
    quantity = "sold_quantity" if name == "sell_out" else "on_hand_quantity"
    amount = "net_amount" if name == "sell_out" else "0"
    totals: list[Totals] = [{} for _ in files]
    paths = ", ".join(quoted(str(path)) for path in files)
    for file, slice_key, document, *figures in connection.execute(
        f"select file_index, slice_key, coalesce(document_number, ''), count(*), "
        f"cast(coalesce(sum({quantity}), 0) as varchar), "
        f"cast(coalesce(sum({amount}), 0) as varchar) from read_parquet([{paths}]) group by all"
    ).fetchall():
        totals[file][slice_key, document] = tuple(figures)
    return totals


def slices_of(
    name: str, batch: Batch, spans: Sequence[Span], landed: Mapping[str, Totals], report: Report | None
) -> list[Slice]:
    """The slices of an entity that a batch brought: one for each period, those without rows too, but where
    the period has rows of another entity alone: sales without a stock say nothing of stock.

    In a report by EDI one for each of its documents, in the periods of which it says anything.
    """
    told = {slice_key for totals in landed.values() for slice_key, _ in totals}
    slices = []
    for span in spans:
        key = f"{batch.partner_code}|{batch.feed_code}|{span.key}"
        documents = sorted(number for slice_key, number in landed[name] if slice_key == key)
        if report is None and key in told and not documents:
            continue
        if report is not None and not report.reports(name, span, has_rows=bool(documents)):
            continue
        for document in documents or [""]:
            rows, quantity, amount = landed[name].get((key, document), (0, "0", "0"))
            slices.append(
                Slice(
                    "feeds",
                    name,
                    key,
                    span.start,
                    span.end,
                    rows,
                    quantity,
                    amount,
                    batch.partner_code,
                    batch.feed_code,
                    place_of(name, batch),
                    document,
                    report is None or report.supersedes(document),
                )
            )
    return slices


def write_quarantine(connection: duckdb.DuckDBPyConnection, landing: Path, batch: Batch, file: int) -> None:
    """Write the faults of one file of those that were judged together."""
    with atomic_file(landing / place_of("quarantine", batch)) as part:
        connection.execute(
            f"copy (select {quoted(batch.batch_id)} as batch_id, {quoted(batch.partner_code or '')} as "
            f"partner_code, {quoted(batch.feed_code or '')} as feed_code, "
            f"{quoted(batch.file_name or '')} as file_name, "
            "source_row, column_name, value, reason_code, reason, raw_text, quantity, amount from faults "
            f"where _file = {file} order by source_row) "
            f"to {quoted(str(part))} (format parquet, compression zstd)"
        )
