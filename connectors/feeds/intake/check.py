"""What taking in a file would do, without doing it.

What belongs here: the dry run of one file. What does not: its comparison with what has landed
(`connectors.feeds.outlook`), and how it looks (the command line).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb

from connectors.errors import AvalError, Place, RejectedFile, SourceError
from connectors.feeds import customers
from connectors.feeds.edi.functions import Known, NothingKnown
from connectors.feeds.intake.inbox import hash_of, refuse_unreadable_name
from connectors.feeds.intake.landing import entities_of, totals_of, write_lines
from connectors.feeds.intake.reading import Judged, look, read_and_judge, verdict_on, workplace
from connectors.feeds.normalise.canonical import personal_values
from connectors.feeds.normalise.judging import check_profile
from connectors.feeds.normalise.layout import Layout, file_span, refuse_future
from connectors.feeds.outlook import Former, Matching, Outlook, personal_cells, personal_titles
from connectors.feeds.profile import Profile
from connectors.feeds.senders import Identities
from connectors.feeds.table import fold, quoted

_SAMPLE: Final = 20


@dataclass(frozen=True)
class PeriodTotal:
    """Totals of one entity in one period, as they would land."""

    entity: str
    period: str
    rows: int
    quantity: str
    amount: str


@dataclass(frozen=True)
class QuarantinedRow:
    """One fault of one row."""

    source_row: int
    column_name: str | None
    value: str | None
    reason_code: str
    reason: str
    raw_text: str | None


@dataclass(frozen=True)
class CheckReport:
    """What `take_in` would do with a file. `problem` is set if it would be rejected as a whole."""

    file_name: str
    feed_code: str
    partner_code: str
    titles: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_skipped: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    quarantined: tuple[QuarantinedRow, ...] = ()
    totals: tuple[PeriodTotal, ...] = ()
    controls: Mapping[str, str] = field(default_factory=dict)
    preview: tuple[Mapping[str, str | None], ...] = ()
    problem: AvalError | None = None
    former: tuple[Former, ...] = ()
    superseded: tuple[str, ...] = ()
    twin: str | None = None
    matchings: tuple[Matching, ...] = ()
    personal: tuple[str, ...] = ()
    addresses: Mapping[str, int] = field(default_factory=dict)

    @property
    def would_land(self) -> bool:
        return self.problem is None

    def as_json(self) -> str:
        """All of it as one JSON object; `problem` has code, text and remedy, or is null."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "problem"}
        error = self.problem
        problem = error and {"code": error.code, "problem": error.problem, "remedy": error.remedy}
        lists = ("totals", "quarantined", "former", "matchings")
        values |= {name: [asdict(item) for item in values[name]] for name in lists}
        return json.dumps(values | {"would_land": self.would_land, "problem": problem}, ensure_ascii=False)


def check_file(
    path: Path,
    profile: Profile,
    feed_code: str,
    *,
    scratch: Path | None = None,
    outlook: Outlook | None = None,
    known: Known | None = None,
    identities: Identities | None = None,
    until: date | None = None,
    zone: tzinfo = UTC,
) -> CheckReport:
    """Read and judge a file as `take_in` would, and tell what would happen; nothing is landed or entered.

    With an `outlook` it is compared with what has landed before. `known` is what copies and corrections by
    EDI are judged by; without it nothing has come before. `identities` are the numbers of partners, by which
    a report of another partner is told; `until` is the last day on which a period may begin, `zone` where the
    company is: its day gives the year of periods that are named without one.
    """
    report = CheckReport(path.name, feed_code, profile.partner)
    if not path.is_file():
        raise SourceError(
            "missing_file", "the file does not exist", "give the path of a report", Place(file=path)
        )
    refuse_unreadable_name(path)
    received = datetime.fromtimestamp(path.stat().st_mtime, zone).date()
    keys = customers.keys_of(profile, feed_code)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="aval-check-") as folder:
        aside = Path(folder) / "intake"
        with workplace(aside) as connection:
            check_profile(connection, profile, feed_code)
            try:
                source = look(path, path.name, profile, aside, received)
                foreign = identities.of_others(profile) if identities is not None else frozenset()
                span = file_span(profile, path.name, received)
                if span is not None and until is not None:
                    refuse_future(span, until, path.name)
                judged = read_and_judge(
                    connection, [source], profile, keys, known or NothingKnown(), foreign, until
                )
            except RejectedFile as error:
                return replace(report, problem=error)
            except duckdb.Error as error:
                return replace(report, problem=_engine_error(error, path.name))
            report = _report(connection, report, judged, outlook, aside)
    if outlook is None:
        return report
    totals = [(total.entity, total.period) for total in report.totals]
    former = outlook.former(profile.partner, feed_code, totals)
    superseded = outlook.superseded(former)
    return replace(report, former=former, superseded=superseded, twin=outlook.twin(hash_of(path)))


def _engine_error(error: duckdb.Error, file: str) -> RejectedFile:
    return RejectedFile(
        "engine_error",
        f"DuckDB could not work through the file: {str(error).splitlines()[0]}",
        "compare the file with the profile; if they agree, report this as a fault of Aval",
        Place(file=file),
    )


def _period_total(name: str, period: str, parts: Sequence[tuple[int, str, str]]) -> PeriodTotal:
    """The total of a period, of all documents that report it."""
    if len(parts) == 1:
        return PeriodTotal(name, period, *parts[0])
    quantity, amount = (sum((Decimal(part[i]) for part in parts), Decimal(0)) for i in (1, 2))
    return PeriodTotal(name, period, sum(part[0] for part in parts), str(quantity), str(amount))


def _unread(layout: Layout) -> tuple[str, ...]:
    """Titles of columns that the profile does not name: whoever reads a draft sees what it leaves out."""
    profile = layout.profile
    named = [*profile.personal, *([profile.section.header] if profile.section is not None else [])]
    declared = {fold(name) for title in named for name in (title, *profile.others(title))}
    read = {*layout.positions.values(), *layout.skip_positions, *layout.return_positions}
    read |= {column.position for column in layout.wide}
    return tuple(
        title
        for position, title in enumerate(layout.table.titles)
        if title
        and position not in read
        and position != layout.period_position
        and fold(title) not in declared
        and not title.startswith("@")
    )


def _report(
    connection: duckdb.DuckDBPyConnection,
    report: CheckReport,
    judged: Judged,
    outlook: Outlook | None,
    scratch: Path,
) -> CheckReport:
    layout, (judgement,) = judged.layout, judged.judgements
    counts = judgement.counts
    totals: list[PeriodTotal] = []
    preview: list[Mapping[str, str | None]] = []
    matchings: list[Matching] = []
    profile = layout.profile
    declared = {fold(name) for title in profile.personal for name in (title, *profile.others(title))}
    personal = [
        title
        for title in personal_titles(layout.table.titles, layout.positions)
        if fold(title) not in declared
    ]
    addresses: dict[str, int] = {}
    for name in entities_of(layout.profile):
        target = scratch / f"{name}.parquet"
        provenance = {0: ("check", report.file_name)}
        write_lines(connection, name, layout, report.feed_code, provenance, datetime.now(UTC), {0: target})
        (landed,) = totals_of(connection, [target], name)
        (addresses,) = personal_values(connection, layout, [target])
        for span in judgement.spans:
            slice_key = f"{layout.profile.partner}|{report.feed_code}|{span.key}"
            parts = [figures for (key, _), figures in landed.items() if key == slice_key]
            totals.append(_period_total(name, span.key, parts))
        connection.execute(
            f"create or replace temp view would_land as from read_parquet({quoted(str(target))})"
        )
        matching = outlook.matching(connection, name, "would_land") if outlook is not None else None
        matchings += [matching] if matching is not None else []
        personal += [
            layout.title(column) for column in personal_cells(connection, "would_land", layout.positions)
        ]
        sample = connection.execute("select columns(*)::varchar from would_land order by _source_row limit 5")
        names = [column[0] for column in sample.description or []]
        preview.extend(dict(zip(names, row, strict=True)) for row in sample.fetchall())
    faults: list[tuple[Any, ...]] = []
    if counts.quarantined:
        faults = connection.execute(
            "select source_row, column_name, value, reason_code, reason, raw_text from faults "
            f"order by source_row, column_name limit {_SAMPLE}"
        ).fetchall()
    return replace(
        report,
        titles=layout.table.titles,
        columns={name: layout.title(name) for name in layout.positions},
        unread=_unread(layout) if judged.report is None else (),
        rows_read=counts.read,
        rows_accepted=counts.accepted,
        rows_quarantined=counts.quarantined,
        rows_skipped=counts.skipped,
        reasons=judgement.reasons,
        quarantined=tuple(QuarantinedRow(*row) for row in faults),
        totals=tuple(totals),
        controls=judged.report.totals if judged.report is not None else {},
        preview=tuple(preview),
        matchings=tuple(matchings),
        personal=tuple(dict.fromkeys(personal)),
        addresses=addresses,
        problem=verdict_on(layout.profile, judgement, report.file_name, takes_back=judged.takes_back),
    )
