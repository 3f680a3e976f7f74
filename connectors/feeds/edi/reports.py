"""A whole file of EDI as the relation `raw` of `connectors.feeds.table`, and what its messages do.

What belongs here: the way from runs of segments to the rows of a report. What does not: each step of it
(`reader`, `runs`, `blocks`, `cells`, `functions`), and the meaning of numbers and dates (`normalise`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.feeds.edi.cells import CELLS
from connectors.feeds.edi.functions import Corrections, Known, Mode, Retirement
from connectors.feeds.edi.messages import Family, Message
from connectors.feeds.edi.reader import Reader
from connectors.feeds.edi.segments import Segments, read_segments
from connectors.feeds.periods import Span
from connectors.feeds.profile import Profile
from connectors.feeds.reasons import explain
from connectors.feeds.table import RawTable, fill, quoted


@dataclass(frozen=True)
class Report:
    """A report by EDI as loaded: its table, its messages in order, and what its trailers disagree on."""

    table: RawTable
    messages: tuple[Message, ...]
    findings: tuple[str, ...]
    checks_passed: int
    checks_failed: int
    other_messages: int
    """Messages of types that the feed does not hold: skipped."""
    modes: Mapping[str, Mode]
    retired: tuple[Retirement, ...]
    silent: tuple[Span, ...]
    """Periods that a message reports without any line."""
    unsold: frozenset[str]
    """The keys of those in which it is a message on sales: reported zeros."""

    def supersedes(self, document: str) -> bool:
        """Whether a document ends what is live of its periods."""
        return self.modes.get(document, "slice") == "slice"

    def reports(self, entity: str, span: Span, *, has_rows: bool) -> bool:
        """Whether it says anything of an entity in a period: stock alone says nothing of sales, nor sales of
        stock.
        """
        return has_rows or (entity == "sell_out" and span.key in self.unsold)

    @property
    def only_corrects(self) -> bool:
        """Whether the file holds cancellations and copies only: without a row of its own it is right."""
        ours = [message for message in self.messages if not message.is_other]
        return bool(ours) and all(
            message.fault is None and message.function in ("cancel", "copy") for message in ours
        )

    @property
    def totals(self) -> dict[str, str]:
        """What the ledger keeps of the control totals."""
        totals = {
            "messages": str(len(self.messages)),
            "controls_passed": str(self.checks_passed),
            "controls_failed": str(self.checks_failed),
        }
        if self.other_messages:
            totals["other_messages"] = str(self.other_messages)
        return totals | {f"control_{i + 1:02d}": text for i, text in enumerate(self.findings)}


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    profile: Profile,
    family: Family,
    known: Known,
    file: str,
) -> Report:
    """Load a file as `raw`; RejectedFile if it cannot be read at all."""
    cells = ", ".join(f"{name} varchar" for name in CELLS)
    connection.execute(
        "create or replace temp table edi_rows (number bigint, part varchar, message integer, fault varchar, "
        f"fault_text varchar, is_skipped boolean, {cells})"
    )
    reader = Reader(connection, family, profile, file)
    held: Segments | None = None
    for run in read_segments(path, reader.settings.kind, reader.settings.encoding, file):
        if held is not None:
            reader.work(held.numbers, held.texts, held.separators, is_last=run.separators != held.separators)
        held = run
    if held is not None:
        reader.work(held.numbers, held.texts, held.separators, is_last=True)
    reader.finish()
    return _settle(connection, reader, known)


def _settle(connection: duckdb.DuckDBPyConnection, reader: Reader, known: Known) -> Report:
    """Decide what each message does, and offer the rows as `raw`."""
    profile = reader.profile
    corrections = Corrections(connection, reader, known)
    corrections.work()
    messages = reader.messages
    fill(
        connection,
        "edi_messages",
        pa.table(
            {
                "message": pa.array([m.number for m in messages], pa.int32()),
                "segment": pa.array([m.segment for m in messages], pa.int64()),
                "message_reference": pa.array(
                    [f"{m.interchange}/{m.reference}" for m in messages], pa.string()
                ),
                "document_number": pa.array([m.document or None for m in messages], pa.string()),
                "is_other": pa.array([m.is_other for m in messages], pa.bool_()),
                "partner_gln": pa.array([m.sender for m in messages], pa.string()),
                "message_fault": pa.array([m.fault for m in messages], pa.string()),
                "message_fault_value": pa.array([m.fault_value for m in messages], pa.string()),
                "date_names": pa.array([", ".join(m.date_names) for m in messages], pa.string()),
            }
        ),
    )
    skips = sorted(corrections.skipped, key=str)
    fill(
        connection,
        "edi_skips",
        pa.table(
            {
                "message": pa.array([number for number, _ in skips], pa.int32()),
                "period": pa.array([period for _, period in skips], pa.string()),
            }
        ),
    )
    # A message that is broken before its first line is one faulty row, one of another type a skipped row, so
    # that neither is lost silently.
    connection.execute(
        "insert into edi_rows (number, part, message, is_skipped) "
        "select segment, '', message, false from edi_messages where (message_fault is not null or is_other) "
        "and message not in (select message from edi_rows where message is not null)"
    )
    titles = list(profile.columns.named())
    titles += ["period"] if profile.period.source == "column" else []
    cells = [
        f"case when is_out or cause is not null then null else {title} end as c{i}"
        for i, title in enumerate(titles)
    ]
    is_unnamed = f"{quoted(profile.period.source)} = 'column' and not is_skipped and period is null"
    codes = connection.execute(
        "select distinct fault from edi_rows where fault is not null union "
        "select distinct message_fault from edi_messages where message_fault is not null "
        "union select 'unnamed_period'"
    ).fetchall()
    arms = " ".join(f"when {quoted(code)} then {quoted(explain(code))}" for (code,) in codes)
    shown = "concat_ws(' | ', message_reference, " + ", ".join(CELLS) + ")"
    connection.execute(
        f"""
        create or replace temp table edi_report as
        with placed as (
            select rows.* exclude (is_skipped), edi_messages.* exclude (message, is_other),
                   coalesce(message_fault, fault, case when {is_unnamed} then 'unnamed_period' end) as cause,
                   message_fault is null
                   and (is_skipped or coalesce(is_other, false)
                        or exists (select 1 from edi_skips where edi_skips.message = rows.message
                        and (edi_skips.period is null or edi_skips.period = rows.period))) as is_out
            from edi_rows as rows left join edi_messages using (message)
        )
        select number as _row, part as _part,
               case when not is_out and cause is not null then coalesce(fault_text, {shown}) end
               as _malformed,
               case when not is_out then cause end as _fault,
               case when not is_out then coalesce(
                   message_fault_value, case when cause = 'unnamed_period' then date_names end, ''
               ) end as _fault_value,
               case when not is_out then case cause {arms} end end as _fault_reason, {", ".join(cells)}
        from placed order by number, part
        """
    )
    connection.execute("create or replace temp view raw as from edi_report")
    connection.execute("drop table edi_rows; drop table edi_skips; drop table edi_messages")
    return Report(
        RawTable(tuple(titles), 0, " | ", names_faults=True),
        tuple(messages),
        tuple(reader.controls.findings),
        reader.controls.passed,
        reader.controls.failed,
        sum(message.is_other for message in messages),
        corrections.modes,
        tuple(corrections.retired),
        tuple(corrections.silent),
        frozenset(corrections.unsold),
    )
