"""From a published figure to what it is made of: facts, documents, files and rows, with the sum at each step.

What a mart declares under `trace` says which facts are behind its measures (`orchestration.declared`). What
belongs here: asking the published file step by step, and finding originals. What does not: how it looks
(`orchestration.cli_finance`, `write_trace` aside).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb

from connectors.archive import Archive
from connectors.errors import AvalError
from connectors.ledger import Batch, Ledger
from connectors.sheets import MAX_ROWS
from orchestration.closing import one_month
from orchestration.declared import Model, TraceSource, models
from orchestration.publish import published_file
from orchestration.settings import Settings
from orchestration.workbook import Cell, Column, Formula, Locale, kind_of, letter, workbook

_ZERO: Final = Decimal(0)


@dataclass(frozen=True)
class Question:
    """Which figures: a mart, a month (2026-05), and columns with their values."""

    mart: str
    month: str
    columns: Mapping[str, str]
    measures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One row of a source that stands behind a figure. `original` is where the file lies now, if it does."""

    document: str
    line: str | None
    source_file: str | None
    source_row: int | None
    batch: str | None
    landed_at: str | None
    message: str | None
    original: str | None
    amounts: tuple[Decimal | None, ...]


@dataclass(frozen=True)
class Walk:
    """The way of some measures through one fact; amounts are in the order of `measures`."""

    source: TraceSource
    measures: tuple[str, ...]
    figure: tuple[Decimal, ...]
    in_fact: tuple[Decimal, ...]
    documents: tuple[tuple[str, tuple[str, ...], int, tuple[Decimal, ...]], ...]
    lines: tuple[Line, ...]

    def sum_of_documents(self, number: int) -> Decimal:
        return sum((amounts[number] for _, _, _, amounts in self.documents), _ZERO)

    def sum_of_lines(self, number: int) -> Decimal:
        return sum((line.amounts[number] or _ZERO for line in self.lines), _ZERO)


@dataclass(frozen=True)
class Sums:
    """One measure at each step, over the facts that make it up together; `walks` are these, by position."""

    measure: str
    walks: tuple[tuple[int, int], ...]
    facts: tuple[str, ...]
    figure: Decimal
    in_facts: Decimal
    in_documents: Decimal
    in_lines: Decimal

    @property
    def difference(self) -> Decimal:
        """The largest difference of a step from the figure; 0 where all agree."""
        steps = (self.in_facts, self.in_documents, self.in_lines)
        return max((step - self.figure for step in steps), key=abs)


@dataclass(frozen=True)
class Trace:
    """All that was found. `not_traced` are measures of which no fact is declared.

    `unknown_rows` counts by measure the rows of the mart in which it is NULL: each step leaves them out.
    """

    question: Question
    version: str
    rows: int
    walks: tuple[Walk, ...]
    not_traced: tuple[str, ...]
    unknown_rows: Mapping[str, int]

    @property
    def sums(self) -> list[Sums]:
        """Each measure of the same rows of the mart, whichever facts it comes from."""
        groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[int, int]]] = {}
        for position, walk in enumerate(self.walks):
            for number, name in enumerate(walk.measures):
                groups.setdefault((name, tuple(walk.source.rows.items())), []).append((position, number))
        found = []
        for (name, _), parts in groups.items():
            walks = [(self.walks[position], number) for position, number in parts]
            found.append(
                Sums(
                    name,
                    tuple(parts),
                    tuple(walk.source.fact for walk, _ in walks),
                    walks[0][0].figure[walks[0][1]],
                    sum((walk.in_fact[number] for walk, number in walks), _ZERO),
                    sum((walk.sum_of_documents(number) for walk, number in walks), _ZERO),
                    sum((walk.sum_of_lines(number) for walk, number in walks), _ZERO),
                )
            )
        return found

    @property
    def agrees(self) -> bool:
        return all(not item.difference for item in self.sums)


def trace(settings: Settings, question: Question, version: str | None = None) -> Trace:
    """Walk from figures of a mart to the rows behind them, in the current publication or in another one."""
    model = _traced(question.mart)
    path = published_file(settings.paths.published, version)
    first, _ = one_month(question.month)
    wanted = {"month_start_date": first.isoformat(), **question.columns}
    for column in wanted:
        if column not in model.types:
            raise _unknown(f"{model.name} has no column {column!r}", model)
    measured = list(dict.fromkeys(name for source in model.trace for name in source.measures))
    for name in question.measures:
        if name not in model.types:
            raise _unknown(f"{model.name} has no column {name!r}", model)
    measures = tuple(question.measures or measured)
    with duckdb.connect(str(path), read_only=True) as connection:
        where = " and ".join(f"cast({column} as varchar) = ?" for column in wanted)
        found = connection.execute(
            f"select count(*) from marts.{model.name} where {where}", [*wanted.values()]
        ).fetchone()
        rows = int(found[0]) if found else 0
        if not rows:
            said = ", ".join(f"{column} {value}" for column, value in wanted.items())
            raise AvalError(
                "unknown_figure", f"{model.name} has no row with {said}", "correct partner, product or month"
            )
        with Ledger(settings.paths.ledger) as ledger:
            finder = _Finder(settings, {batch.batch_id: batch for batch in ledger.batches()})
        walks: list[Walk] = []
        unknown: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        for source in model.trace:
            if any(wanted.get(column, value) != value for column, value in source.rows.items()):
                continue
            chosen = [name for name in measures if name in source.measures]
            rows_of_it, known = _known_rows(connection, model, {**wanted, **source.rows}, chosen)
            unknown |= {
                (name, tuple(source.rows.items())): rows_of_it - known[name]
                for name in chosen
                if known[name] < rows_of_it
            }
            # A measure that some rows do not know has a way of its own: through those that know it.
            ways = [tuple(name for name in chosen if known[name] == rows_of_it)]
            ways += [(name,) for name in chosen if 0 < known[name] < rows_of_it]
            walks += [
                walk
                for way in ways
                if (walk := _walk(connection, model, source, wanted, way, finder, way != ways[0])) is not None
            ]
    unknown_rows: dict[str, int] = {}
    for (name, _), count in unknown.items():
        unknown_rows[name] = unknown_rows.get(name, 0) + count
    covered = {name for walk in walks for name in walk.measures} | unknown_rows.keys()
    return Trace(
        question,
        path.stem,
        rows,
        tuple(walks),
        tuple(name for name in measures if name not in covered),
        unknown_rows,
    )


def _traced(mart: str) -> Model:
    known = models()
    name = mart if mart in known else f"mart_{mart}"
    model = known.get(name)
    if model is None or not model.trace:
        traced = ", ".join(sorted(name for name, item in known.items() if item.trace))
        raise AvalError("unknown_figure", f"{mart!r} is no mart that can be traced", f"one of: {traced}")
    return model


def _unknown(problem: str, model: Model) -> AvalError:
    return AvalError("unknown_figure", problem, f"its columns: {', '.join(model.types)}")


def _known_rows(
    connection: duckdb.DuckDBPyConnection, model: Model, of_mart: Mapping[str, str], measures: Sequence[str]
) -> tuple[int, dict[str, int]]:
    """How many of these rows the mart has, and by measure how many of them know it."""
    counts = "".join(f", count({name})" for name in measures)
    where = " and ".join(f"cast({column} as varchar) = ?" for column in of_mart)
    total, *known = connection.execute(
        f"select count(*){counts} from marts.{model.name} where {where}", [*of_mart.values()]
    ).fetchall()[0]
    return total, dict(zip(measures, known, strict=True))


def _walk(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    source: TraceSource,
    wanted: Mapping[str, str],
    chosen: tuple[str, ...],
    finder: _Finder,
    is_partly_known: bool,
) -> Walk | None:
    """The walk through one fact; None if it is behind none of the figures that are asked for.

    A measure that is partly known is walked alone, through the rows of the mart that know it.
    """
    present = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'core' and table_name = ?",
        [source.fact],
    ).fetchone()
    if not chosen or present is None:
        return None
    of_mart = {**wanted, **source.rows}
    where = " and ".join(f"cast({column} as varchar) = ?" for column in of_mart)
    sums = ", ".join(f"sum({name})" for name in chosen)
    figure = connection.execute(
        f"select count(*), {sums} from marts.{model.name} where {where}", [*of_mart.values()]
    ).fetchone()
    if figure is None or not figure[0]:
        return None
    keyed = {column: source.keys[column] for column in wanted if column in source.keys}
    conditions = [f"cast({expression} as varchar) = ?" for expression in keyed.values()]
    if source.where:
        conditions.append(f"({source.where})")
    if source.day:
        conditions.append(f"{source.day} <= (select as_of_date from marts.publication)")
    parameters = [wanted[column] for column in keyed]
    if is_partly_known:
        conditions.append(
            f"({', '.join(source.keys.values())}) not in "
            f"(select ({', '.join(source.keys)}) from marts.{model.name} "
            f"where {where} and {chosen[0]} is null)"
        )
        parameters += of_mart.values()
    condition = " and ".join(conditions) or "true"
    values = ", ".join(source.measures[name] for name in chosen)
    total = connection.execute(
        f"select {values} from core.{source.fact} where {condition}", parameters
    ).fetchone()
    rule = "".join(f", cast({column} as varchar)" for column in source.rule)
    documents = connection.execute(
        f"select cast({source.document} as varchar) as document{rule}, count(*), {values} "
        f"from core.{source.fact} where {condition} group by all order by all",
        parameters,
    ).fetchall()
    lines = _lines(connection, source, condition, parameters, values, finder)
    rules = len(source.rule)
    return Walk(
        source,
        chosen,
        tuple(_number(value) for value in figure[1:]),
        tuple(_number(value) for value in (total or ())),
        tuple(
            (
                str(row[0] or ""),
                tuple(str(value or "") for value in row[1 : 1 + rules]),
                int(row[1 + rules]),
                tuple(_number(value) for value in row[2 + rules :]),
            )
            for row in documents
        ),
        lines,
    )


def _lines(
    connection: duckdb.DuckDBPyConnection,
    source: TraceSource,
    condition: str,
    parameters: list[str],
    values: str,
    finder: _Finder,
) -> tuple[Line, ...]:
    line = source.line or "null"
    fact = f"core.{source.fact}"
    # A fact that was computed from many rows names no single one.
    held = connection.execute(
        "select column_name from duckdb_columns() where schema_name = 'core' and table_name = ?",
        [source.fact],
    ).fetchall()
    provenance = ", ".join(
        name if (name,) in held else f"null as {name}"
        for name in ("source_file", "source_row", "source_batch_id", "message_reference")
    )
    if source.source_of is None:
        query = (
            f"select cast({source.document} as varchar) as document, cast({line} as varchar) as line, "
            f"{provenance}, {values} from {fact} "
            f"where {condition} group by all order by document, source_file, source_row, line"
        )
    else:
        # The fact was computed from lines of another one, which know where they came from.
        key = source.source_key
        query = (
            f"with lines as (select cast({source.document} as varchar) as document, {key} as source_key, "
            f"{values} from {fact} where {condition} group by all) "
            f"select lines.document, cast(lines.source_key as varchar) as line, origin.source_file, "
            f"origin.source_row, origin.source_batch_id, null as message_reference, "
            "lines.* exclude (document, source_key) from lines "
            f"left join core.{source.source_of} as origin on lines.source_key = origin.{key} "
            "order by document, source_file, source_row, line"
        )
    rows = connection.execute(query, parameters).fetchall()
    return tuple(
        Line(
            document=str(row[0] or ""),
            line=row[1],
            source_file=row[2],
            source_row=row[3],
            batch=row[4],
            landed_at=finder.landed_at(row[4]),
            message=row[5],
            original=finder.original(row[4], row[2]),
            amounts=tuple(None if value is None else _number(value) for value in row[6:]),
        )
        for row in rows
    )


class _Finder:
    """Where what landed came from: batches, and originals in archive and inbox."""

    def __init__(self, settings: Settings, batches: Mapping[str, Batch]) -> None:
        self._settings = settings
        self._batches = batches
        self._archived: dict[str, Path] | None = None

    def landed_at(self, batch_id: str | None) -> str | None:
        batch = self._batches.get(batch_id or "")
        return f"{batch.landed_at:%Y-%m-%d %H:%M}" if batch else None

    def original(self, batch_id: str | None, source_file: str | None) -> str | None:
        """The file as it came: in the archive, else in the inbox or the folder of exports; an ERP's query."""
        batch = self._batches.get(batch_id or "")
        if batch is None or source_file is None:
            return None
        company = self._settings.company
        if batch.system == "accounting" and company.accounting is not None:
            path = company.accounting.path / Path(source_file).name
            return str(path) if path.is_file() else None
        if batch.system == "erp" and company.erp.queries is not None and source_file.startswith("sql:"):
            return str(company.erp.queries / source_file.removeprefix("sql:"))
        if batch.system != "feeds":
            return None
        # The archive knows a file by its bytes; one of that name in the inbox may have others by now.
        if self._archived is None:
            originals = Archive(self._settings.paths.archive, company.archive).originals()
            self._archived = {item.content_hash: item.path for item in originals}
        kept = self._archived.get(batch.content_hash or "")
        path = kept or company.inbox.path / (batch.file_name or source_file)
        return str(path) if path.is_file() else None


def _number(value: Any) -> Decimal:
    return _ZERO if value is None else Decimal(str(value))


_WORDS: Final[dict[str, dict[Locale, str]]] = {
    "title": {"fr": "Traçabilité", "en": "Trace"},
    "steps": {"fr": "Étapes", "en": "Steps"},
    "measure": {"fr": "Mesure", "en": "Measure"},
    "figure": {"fr": "Chiffre publié", "en": "Published figure"},
    "fact": {"fr": "Fait", "en": "Fact"},
    "in_fact": {"fr": "Somme du fait", "en": "Sum of the fact"},
    "documents": {"fr": "Pièces", "en": "Documents"},
    "in_documents": {"fr": "Somme des pièces", "en": "Sum of documents"},
    "lines": {"fr": "Lignes", "en": "Lines"},
    "in_lines": {"fr": "Somme des lignes", "en": "Sum of lines"},
    "difference": {"fr": "Écart", "en": "Difference"},
    "document": {"fr": "Pièce", "en": "Document"},
    "rows": {"fr": "Lignes du fait", "en": "Rows of the fact"},
    "line": {"fr": "Ligne", "en": "Line"},
    "file": {"fr": "Fichier source", "en": "Source file"},
    "row": {"fr": "Ligne du fichier", "en": "Row of the file"},
    "batch": {"fr": "Lot", "en": "Batch"},
    "landed": {"fr": "Reçu le (UTC)", "en": "Landed at (UTC)"},
    "message": {"fr": "Message EDI", "en": "EDI message"},
    "original": {"fr": "Original", "en": "Original"},
    "total": {"fr": "Total", "en": "Total"},
    "publication": {"fr": "Publication", "en": "Publication"},
}


def write_trace(found: Trace, path: Path, locale: Locale) -> None:
    """Write a trace as a workbook: steps with formulas over the documents and lines of each fact."""
    model = models()[_traced(found.question.mart).name]

    def word(name: str) -> str:
        return _WORDS[name][locale]

    longest = max((len(walk.lines) for walk in found.walks), default=0)
    if longest + 6 > MAX_ROWS:
        raise AvalError(
            "too_many_rows", f"{longest:,} lines do not fit into a sheet", "ask for one partner or product"
        )
    said = ", ".join(
        f"{model.heading(column, locale)}: {value}" for column, value in found.question.columns.items()
    )
    subtitle = f"{model.title(locale)}, {found.question.month}" + (f", {said}" if said else "")
    with workbook(path, locale, f"{word('publication')} {found.version}") as book:
        steps = book.sheet(word("steps"), word("title"), f"{subtitle}, {word('publication')} {found.version}")
        head = [
            Column(word("measure"), "text", 32),
            Column(word("fact"), "text", 26),
            *(
                Column(word(name), "amount", 18)
                for name in ("figure", "in_fact", "in_documents", "in_lines", "difference")
            ),
        ]
        book.head(steps, 3, head)
        formulas = [
            _sheets_of(book, walk, number, model, locale, word)
            for number, walk in enumerate(found.walks, start=1)
        ]
        for offset, item in enumerate(found.sums):
            row = 4 + offset
            documents, lines = (
                "=" + "+".join(formulas[walk][number][part] for walk, number in item.walks) for part in (0, 1)
            )
            cells: tuple[Cell | Formula, ...] = (
                model.heading(item.measure, locale),
                " + ".join(item.facts),
                item.figure,
                item.in_facts,
                Formula(documents, float(item.in_documents)),
                Formula(lines, float(item.in_lines)),
                Formula(f"=ROUND(F{row + 1}-C{row + 1},4)", float(item.in_lines - item.figure)),
            )
            book.rows(steps, row, head, [cells])


def _sheets_of(
    book: Any, walk: Walk, number: int, model: Model, locale: Locale, word: Any
) -> list[tuple[str, str]]:
    """The sheets of one fact; returns the formulas of their totals by measure."""
    amounts = [
        Column(model.heading(name, locale), kind_of(name, model.types.get(name, "")), 16)
        for name in walk.measures
    ]
    rule = [Column(column, "text", 18) for column in walk.source.rule]
    fact = models().get(walk.source.fact)
    if fact is not None:
        rule = [Column(fact.heading(column, locale), "text", 18) for column in walk.source.rule]
    by_document = [Column(word("document"), "text", 24), *rule, Column(word("rows"), "count"), *amounts]
    name = f"{number} {word('documents')}"
    sheet = book.sheet(name, f"{walk.source.fact}: {word('documents')}", walk.source.rule_file or "")
    book.head(sheet, 3, by_document)
    end = book.rows(
        sheet, 4, by_document, [(doc, *rules, count, *sums) for doc, rules, count, sums in walk.documents]
    )
    first = len(by_document) - len(amounts)
    of_documents = [
        f"SUM('{name}'!{letter(first + i)}5:{letter(first + i)}{end})" for i in range(len(amounts))
    ]
    lines = [
        Column(word("document"), "text", 24),
        Column(word("line"), "text", 10),
        Column(word("file"), "text", 34),
        Column(word("row"), "count"),
        Column(word("message"), "text", 18),
        Column(word("landed"), "text", 16),
        Column(word("batch"), "text", 30),
        Column(word("original"), "text", 40),
        *amounts,
    ]
    name = f"{number} {word('lines')}"
    sheet = book.sheet(name, f"{walk.source.fact}: {word('lines')}")
    book.head(sheet, 3, lines)
    end = book.rows(
        sheet,
        4,
        lines,
        [
            (
                item.document,
                item.line,
                item.source_file,
                item.source_row,
                item.message,
                item.landed_at,
                item.batch,
                item.original,
                *item.amounts,
            )
            for item in walk.lines
        ],
    )
    first = len(lines) - len(amounts)
    return [
        (formula, f"SUM('{name}'!{letter(first + i)}5:{letter(first + i)}{end})")
        for i, formula in enumerate(of_documents)
    ]
