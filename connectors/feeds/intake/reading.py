"""Reading and judging reports, alone or several of one feed together, and the verdict on a whole file.

What belongs here: choosing the reader, and what holds for the file as a whole. What does not: reading
containers (`delimited`, `fixed_width`, `excel`, `edifact`, `x12`), and the meaning of cells (`normalise`).
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from connectors.errors import Place, RejectedFile
from connectors.feeds import delimited, edifact, excel, fixed_width, x12
from connectors.feeds.customers import Keys
from connectors.feeds.edi.functions import Known
from connectors.feeds.edi.reports import Report
from connectors.feeds.lines import Text
from connectors.feeds.normalise.judging import Judgement, judge
from connectors.feeds.normalise.layout import Layout, bind, file_span, refuse_future
from connectors.feeds.profile import X12, Delimited, Edifact, Excel, FixedWidth, Profile
from connectors.feeds.sections import fill_down
from connectors.feeds.table import RawTable, UnprovenRows
from connectors.feeds.unpack import unpack
from connectors.ledger import Retired

THREADS: Final = 2
_CORRECT: Final = "ask the partner to correct it, or correct 'period.pattern' in the profile"


@contextmanager
def workplace(scratch: Path, places: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own that spills to the scratch folder, which is removed afterwards: it holds clear
    text. Where there are several `places`, they share the memory.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "threads": THREADS,
            "memory_limit": _shared(os.environ.get("AVAL_MEMORY_LIMIT", "2GB"), places),
            "temp_directory": str(scratch / "spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    try:
        yield connection
    finally:
        connection.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _shared(limit: str, places: int) -> str:
    """A part of a limit such as `6GiB` or `50%`; what is none is left to DuckDB to refuse."""
    number = re.match(r"\s*\d+(\.\d+)?", limit)
    return f"{float(number[0]) / places}{limit[number.end() :]}" if number else limit


@dataclass(frozen=True)
class Source:
    """A report to read: the file (unpacked or decoded, if need be, in a folder of its own), its name below
    the inbox, the day on which it came, and what a look at a text file found.
    """

    path: Path
    name: str
    folder: Path
    received: date
    text: Text | None

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def joins(self, other: Source) -> bool:
        """Whether both can be read by one query."""
        one, two = self.text, other.text
        return (
            one is not None and two is not None and one.is_plain and two.is_plain and one.titles == two.titles
        )


@dataclass(frozen=True)
class Judged:
    """Reports read together, and the judgement of each."""

    layout: Layout
    judgements: tuple[Judgement, ...]
    report: Report | None = None
    """What the one report says beside its rows if it came by EDI: functions, corrections, control totals."""

    @property
    def takes_back(self) -> bool:
        """Whether the file corrects what came before, be it all that it does."""
        return self.report is not None and bool(self.report.retired or self.report.only_corrects)

    def retired(self, feed_code: str) -> list[Retired]:
        """The documents that the file takes back."""
        head = f"{self.layout.profile.partner}|{feed_code}|"
        return [
            Retired(feed_code, item.document, tuple(head + key for key in item.period_keys))
            for item in (self.report.retired if self.report is not None else ())
        ]


def look(path: Path, name: str, profile: Profile, scratch: Path, received: date) -> Source:
    """Find out how a report that came on that day can be read; what has to be unpacked or decoded goes to
    `scratch`.
    """
    file_span(profile, name, received)
    if not path.stat().st_size:
        raise RejectedFile(
            "empty_file", "the file is empty", "ask the partner to send it again", Place(file=name)
        )
    container = profile.container
    folder = scratch / secrets.token_hex(8)
    folder.mkdir(parents=True)
    try:
        path = unpack(path, container, folder, name)
        text = None
        if isinstance(container, Delimited):
            text = delimited.look(path, container, folder / "decoded.csv", name)
        elif isinstance(container, FixedWidth):
            text = fixed_width.look(path, container, folder / "decoded.txt", name)
        path = path if text is None else text.source
        return Source(path, name, folder, received, text)
    except BaseException:
        shutil.rmtree(folder)
        raise


def read_and_judge(
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[Source],
    profile: Profile,
    keys: Keys,
    known: Known,
    foreign: frozenset[str] = frozenset(),
    until: date | None = None,
) -> Judged:
    """Read reports that `joins` lets be read together; UnprovenRows if they must be read one by one."""
    names = [source.name for source in sources]
    texts = [source.text for source in sources if source.text is not None]
    container = profile.container

    def judged(table: RawTable) -> Judged:
        if profile.section is not None:
            if table.expected_rows is not None:
                # A heading holds for the rows below it: they must bear their numbers.
                raise UnprovenRows
            table = fill_down(connection, table, profile, profile.section, names[0])
        layout = bind(profile, table, *names, received=sources[0].received)
        if profile.period.source == "above" and until is not None:
            for span in layout.spans:
                refuse_future(span, until, names[0], "the text above the header", _CORRECT)
        return Judged(layout, judge(connection, layout, keys, foreign, until))

    if isinstance(container, Excel):
        return judged(excel.load(connection, sources[0].path, profile, container, names[0]))
    if isinstance(container, (Edifact, X12)):
        load = edifact.load if container.kind == "edifact" else x12.load
        report = load(connection, sources[0].path, profile, known, names[0])
        read = judged(report.table)
        (judgement,) = read.judgements
        spans = tuple(sorted({*judgement.spans, *report.silent}))
        return replace(read, judgements=(replace(judgement, spans=spans),), report=report)
    if texts[0].is_plain:
        try:
            return judged(_offer(connection, texts, container))
        except UnprovenRows:
            if len(texts) > 1:
                raise
    return judged(_load_carefully(connection, texts[0], container, sources[0].folder))


def _offer(
    connection: duckdb.DuckDBPyConnection, texts: Sequence[Text], container: Delimited | FixedWidth
) -> RawTable:
    if isinstance(container, FixedWidth):
        return fixed_width.offer(connection, texts, container)
    return delimited.offer(connection, texts, container)


def _load_carefully(
    connection: duckdb.DuckDBPyConnection, text: Text, container: Delimited | FixedWidth, folder: Path
) -> RawTable:
    if isinstance(container, FixedWidth):
        return fixed_width.load_carefully(connection, text, container, folder)
    return delimited.load_carefully(connection, text, container, folder)


def verdict_on(
    profile: Profile, judged: Judgement, file: str, *, takes_back: bool = False
) -> RejectedFile | None:
    """Why the file as a whole cannot land; None if it can."""
    counts = judged.counts
    data_rows = counts.read - counts.skipped
    if data_rows and counts.quarantined / data_rows > profile.max_quarantined_share:
        worst = max(judged.reasons, key=lambda code: judged.reasons[code])
        return RejectedFile(
            "too_many_faults",
            f"{counts.quarantined} of {data_rows} rows are faulty, more than the share of "
            f"{profile.max_quarantined_share:.0%} that the profile allows; most often: {worst}",
            "see the quarantined rows; correct the file or the profile",
            Place(file=file),
        )
    if judged.second_table is not None:
        row, titles = judged.second_table
        return RejectedFile(
            "second_table",
            f"a second table begins here, with other titles ({titles}): its rows would count as rows of the "
            "first",
            "ask the partner for one table in a sheet or file; if none begins there, leave that row out by "
            "skip_rows",
            Place(file=file, row=row),
        )
    if not judged.spans and not takes_back:
        return RejectedFile(
            "no_rows",
            "the file has no good row, and only its rows say which period it covers",
            "ask the partner for a report with rows, or for the period in the file's name",
            Place(file=file),
        )
    return None
