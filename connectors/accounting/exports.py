"""From a folder of ledger exports to landing: discover -> read -> judge -> land -> ledger.

An export is one FEC, or the parts `…_1`, `…_2` of one. It covers a fiscal year up to some day; a later
export of the same fiscal year replaces it, so an interim export gives way to the final one. What the same
file brought into another fiscal year counts no more once it is read anew. What belongs here: which files make
an export, which year it covers, and landing it. What does not: the layout of the files
(`connectors.accounting.fec`).
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb

from connectors.accounting import fec
from connectors.company import Accounting, Company, Paths
from connectors.contract import entity
from connectors.errors import Place, RejectedFile, SourceError
from connectors.feeds.table import quoted
from connectors.landing import atomic_file, batch_ids
from connectors.ledger import Batch, Ledger, Slice

SYSTEM: Final = "accounting"
ENTITY: Final = "gl_entries"
_NAME: Final = re.compile(r"(?P<siren>\d{9})?FEC(?P<closing>\d{8})(?:_(?P<part>\d{1,3}))?$", re.IGNORECASE)
_OPENING_CODES: Final = ("AN", "ANO", "RAN", "RANO")
_OPENING_LABELS: Final = r"(^|[^a-z])(a[ -]?nouveaux?|ouverture|opening)([^a-z]|$)"
_READING: Final = "2"
"""Changes when the reading changes, so that exports are read again."""


@dataclass(frozen=True)
class Export:
    """The files of one export, in the order of their parts, and what their name says."""

    name: str
    files: tuple[Path, ...]
    siren: str | None = None
    closing_date: date | None = None


@dataclass(frozen=True)
class ExportOutcome:
    """What became of one export. Amounts are those of the landed lines."""

    name: str
    state: str
    batch_id: str | None = None
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    totals: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    first_fault: str | None = None


def discover(accounting: Accounting) -> list[Export]:
    """Exports of the folder, oldest closing date first; SourceError if there is no such folder."""
    if not accounting.path.is_dir():
        raise SourceError(
            "missing_folder",
            f"the folder of ledger exports {accounting.path} does not exist",
            "create it, or correct accounting.path in company.yml",
        )
    pattern = accounting.files.casefold()
    groups: dict[str, list[tuple[int, Path, re.Match[str] | None]]] = {}
    for path in sorted(accounting.path.iterdir()):
        if (
            not path.is_file()
            or path.name.startswith(".")
            or not fnmatch.fnmatch(path.name.casefold(), pattern)
        ):
            continue
        match = _NAME.search(path.stem)
        part = _part(path)
        base = path.stem[: match.start("part") - 1] if match and match["part"] else path.stem
        groups.setdefault(base, []).append((part, path, match))
    exports = []
    for base, parts in groups.items():
        parts.sort(key=lambda item: item[0])
        match = parts[0][2]
        exports.append(
            Export(
                base,
                tuple(path for _, path, _ in parts),
                match["siren"] if match else None,
                _date(match["closing"]) if match else None,
            )
        )
    return sorted(exports, key=lambda item: (item.closing_date or date.min, item.name))


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def fiscal_year(day: date, start_month: int) -> tuple[date, date]:
    """First and last day of the fiscal year that holds a day."""
    first = date(day.year if day.month >= start_month else day.year - 1, start_month, 1)
    return first, first.replace(year=first.year + 1) - timedelta(days=1)


def take_in(paths: Paths, company: Company, ledger: Ledger, *, now: datetime) -> list[ExportOutcome]:
    """Land every export that is new or changed; an unreadable one never stops the others."""
    accounting = company.accounting
    if accounting is None:
        return []
    now = now.astimezone(UTC)
    ids = batch_ids(now, ledger.last_batch_id())
    outcomes = []
    landed: dict[tuple[date, date], date] = {}
    for export in discover(accounting):
        closing = export.closing_date
        year = fiscal_year(closing, accounting.fiscal_year_start_month) if closing else None
        # An interim export that came after the one that closes later would take its place.
        is_behind = closing is not None and year in landed and landed[year] < closing
        outcome = _take(paths, accounting, ledger, export, now, ids, again=is_behind)
        if outcome is None:
            continue
        outcomes.append(outcome)
        if closing is not None and year is not None and outcome.state == "landed":
            landed[year] = closing
    return outcomes


def _take(
    paths: Paths,
    accounting: Accounting,
    ledger: Ledger,
    export: Export,
    now: datetime,
    ids: Iterator[str],
    *,
    again: bool,
) -> ExportOutcome | None:
    """Land one export; None if it is known already, unless it has to land `again`."""
    fingerprint = _fingerprint(accounting)
    content = _content_hash(export)
    file_name = ", ".join(path.name for path in export.files)
    if not again and ledger.stands(SYSTEM, file_name, content, fingerprint):
        return None
    newest = max(path.stat().st_mtime for path in export.files)
    batch = Batch(
        batch_id=next(ids),
        system=SYSTEM,
        source=ENTITY,
        state="landed",
        received_at=datetime.fromtimestamp(newest, UTC),
        landed_at=now,
        file_name=file_name,
        content_hash=content,
        profile_hash=fingerprint,
        bytes=sum(path.stat().st_size for path in export.files),
    )
    try:
        _check_owner(accounting, export)
        _check_parts(export)
        return _land(paths, accounting, ledger, export, batch)
    except RejectedFile as error:
        batch = replace(batch, state="rejected", reason_code=error.code, reason=str(error))
        ledger.record(batch)
        return ExportOutcome(export.name, "rejected", batch.batch_id, reason=str(error))


def _check_owner(accounting: Accounting, export: Export) -> None:
    if accounting.siren and export.siren and export.siren != accounting.siren:
        raise RejectedFile(
            "another_company",
            f"the name bears SIREN {export.siren}, the company's is {accounting.siren}",
            "take the file out of the folder, or correct accounting.siren in company.yml",
            Place(file=export.files[0].name),
        )


def _check_parts(export: Export) -> None:
    """RejectedFile unless the files are one, or the parts 1, 2, … of one."""
    parts = [_part(path) for path in export.files]
    if parts in ([0], list(range(1, len(parts) + 1))):
        return
    names = ", ".join(path.name for path in export.files)
    missing = sorted(set(range(1, max(parts) + 1)) - set(parts))
    if 0 in parts or not missing:
        raise RejectedFile(
            "same_part_twice",
            f"{names} would be read together, and hold the same entries",
            "leave the whole export in the folder, or its parts, each once",
            Place(file=export.files[0].name),
        )
    raise RejectedFile(
        "missing_part",
        f"of {names} part {', '.join(map(str, missing))} is missing",
        "put the missing part beside them; what was read before stands until then",
        Place(file=export.files[0].name),
    )


def _part(path: Path) -> int:
    """The number of a part by its name, 0 where it has none."""
    match = _NAME.search(path.stem)
    return int(match["part"] or 0) if match else 0


def _fingerprint(accounting: Accounting) -> str:
    relevant = accounting.model_dump_json(include={"fiscal_year_start_month", "opening_journals", "siren"})
    return hashlib.sha256((_READING + relevant).encode()).hexdigest()[:16]


def _content_hash(export: Export) -> str:
    whole = hashlib.sha256(export.name.encode())
    for path in export.files:
        with path.open("rb") as handle:
            whole.update(hashlib.file_digest(handle, "sha256").digest())
    return whole.hexdigest()


def _land(
    paths: Paths, accounting: Accounting, ledger: Ledger, export: Export, batch: Batch
) -> ExportOutcome:
    files = [fec.inspect(path) for path in export.files]
    with duckdb.connect(
        config={"threads": 2, "temp_directory": str(paths.state / "accounting")}
    ) as connection:
        fec.read(connection, files)
        accepted, quarantined = _counts(connection)
        batch = replace(
            batch,
            rows_read=accepted + quarantined,
            rows_accepted=accepted,
            rows_quarantined=quarantined,
            totals=_totals(connection, files, accounting),
        )
        first_fault = _first_fault(connection)
        if quarantined:
            _write_quarantine(connection, paths, batch)
        if not accepted:
            raise RejectedFile(
                "no_rows",
                "the export has no readable line"
                if quarantined
                else "the export has no line below its header",
                "export the ledger again",
                Place(file=export.files[0].name),
            )
        first, last = fiscal_year(
            export.closing_date or _last_day(connection), accounting.fiscal_year_start_month
        )
        slice_key = f"ledger|{last:%Y-%m}"
        relative = f"{SYSTEM}/{ENTITY}/{batch.batch_id}.parquet"
        _write(connection, paths.landing / relative, batch, slice_key, last, accounting)
        emptied = [
            Slice(SYSTEM, ENTITY, former.slice_key, former.period_start_date, former.period_end_date, 0)
            for former in ledger.live_under(SYSTEM, batch.file_name or "")
            if former.slice_key != slice_key
            and former.file is not None
            and _shares_entries(connection, paths.landing / former.file)
        ]
    batch = replace(batch, period_start_date=first, period_end_date=last)
    debit = batch.totals["debit"]
    ledger.record(
        batch,
        [
            Slice(SYSTEM, ENTITY, slice_key, first, last, accepted, amount_total=debit, file=relative),
            *emptied,
        ],
    )
    return ExportOutcome(
        export.name,
        "landed",
        batch.batch_id,
        batch.rows_read,
        accepted,
        quarantined,
        batch.totals,
        first_fault=first_fault,
    )


def _shares_entries(connection: duckdb.DuckDBPyConnection, former: Path) -> bool:
    """Whether the export holds an entry that stands in a former one. Each year's openings bear one number."""
    entry = "select journal_code, entry_number, entry_date from"
    shared = connection.execute(
        f"({entry} read_parquet(?) where not is_opening intersect {entry} gl_lines) limit 1", [str(former)]
    )
    return shared.fetchone() is not None


def _counts(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    (accepted,) = connection.execute("select count(*) from gl_lines").fetchone() or (0,)
    (quarantined,) = connection.execute(
        "select count(*) from (select distinct source_file, source_row from gl_faults)"
    ).fetchone() or (0,)
    return int(accepted), int(quarantined)


def _first_fault(connection: duckdb.DuckDBPyConnection) -> str | None:
    fault = connection.execute(
        "select source_file, source_row, column_name, value, reason from gl_faults "
        "order by source_file, source_row, column_name limit 1"
    ).fetchone()
    if fault is None:
        return None
    file, row, column, value, reason = fault
    place = f"{file}, row {row}" + (f", column {column!r}" if column else "")
    return f"{place}: " + (f"{value!r}: {reason}" if value else reason)


def _last_day(connection: duckdb.DuckDBPyConnection) -> date:
    (day,) = connection.execute("select max(entry_date) from gl_lines").fetchone() or (None,)
    if not isinstance(day, date):
        raise TypeError("lines without a date are no good lines")
    return day


def opening_condition(accounting: Accounting) -> str:
    """SQL: whether a line of `gl_lines` brings a balance forward."""
    if accounting.opening_journals:
        return f"journal_code in ({', '.join(quoted(code) for code in accounting.opening_journals)})"
    codes = ", ".join(quoted(code) for code in _OPENING_CODES)
    label = "strip_accents(lower(coalesce(journal_label, '')))"
    return f"upper(journal_code) in ({codes}) or regexp_matches({label}, {quoted(_OPENING_LABELS)})"


def _totals(
    connection: duckdb.DuckDBPyConnection, files: Sequence[fec.FecFile], accounting: Accounting
) -> dict[str, str]:
    """Control totals of the good lines, and how the files are written."""
    # Without a number the lines of a journal's day balance together.
    entries = (
        "select sum(debit_amount) - sum(credit_amount) as difference from gl_lines "
        "group by journal_code, entry_number, case when entry_number is null then entry_date end"
    )
    row = connection.execute(
        "select cast(coalesce(sum(debit_amount), 0) as varchar), "
        "cast(coalesce(sum(credit_amount), 0) as varchar), "
        f"coalesce(sum(remark_count), 0), (select count(*) from ({entries})), "
        f"(select count(*) from ({entries}) where difference <> 0), "
        f"(select coalesce(string_agg(distinct journal_code, ', ' order by journal_code), '') from gl_lines "
        f"where {opening_condition(accounting)}) from gl_lines"
    ).fetchone()
    names = (
        "debit",
        "credit",
        "unreadable_optional_cells",
        "entries",
        "unbalanced_entries",
        "opening_journals",
    )
    totals = dict(zip(names, (str(value) for value in row or ()), strict=True))
    totals["encoding"] = ", ".join(dict.fromkeys(file.encoding for file in files))
    totals["separator"] = ", ".join(dict.fromkeys(repr(file.separator) for file in files))
    further = dict.fromkeys(title for file in files for title in file.further_titles)
    if further:
        totals["further_columns"] = ", ".join(further)
    return totals


def _write(
    connection: duckdb.DuckDBPyConnection,
    final: Path,
    batch: Batch,
    slice_key: str,
    fiscal_year_end: date,
    accounting: Accounting,
) -> None:
    given = {
        "slice_key": quoted(slice_key),
        "fiscal_year_end_date": quoted(fiscal_year_end.isoformat()),
        "is_opening": opening_condition(accounting),
        "_batch_id": quoted(batch.batch_id),
        "_source_file": "source_file",
        "_source_row": "source_row",
        "_landed_at": quoted(batch.landed_at.replace(tzinfo=None).isoformat(sep=" ")),
        "_is_deleted": "false",
    }
    columns = ", ".join(
        f"cast({given.get(column.name, column.name)} as {column.type}) as {column.name}"
        for column in entity(SYSTEM, ENTITY).all_columns
    )
    with atomic_file(final) as part:
        connection.execute(
            f"copy (select {columns} from gl_lines order by source_file, source_row) to {quoted(str(part))} "
            "(format parquet, compression zstd)"
        )


def _write_quarantine(connection: duckdb.DuckDBPyConnection, paths: Paths, batch: Batch) -> None:
    final = paths.landing / SYSTEM / "quarantine" / f"{batch.batch_id}.parquet"
    with atomic_file(final) as part:
        connection.execute(
            f"copy (select {quoted(batch.batch_id)} as batch_id, source_file as file_name, source_row, "
            "column_name, value, reason_code, reason, raw_text from gl_faults "
            f"order by source_file, source_row) to {quoted(str(part))} (format parquet, compression zstd)"
        )
