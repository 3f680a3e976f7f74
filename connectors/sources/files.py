"""Sources that are files: CSV, Excel and Parquet of one layout, exported by whatever tool a company has.

What belongs here: finding the files and cutting them into rows. What does not: what cells mean (`judging`).
A file that cannot be read at all is one error, and nothing of the source is taken: half of its files would
look like rows that are gone.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from connectors.company import FileSource
from connectors.errors import AvalError, Place, SourceError
from connectors.sources.reading import Part, Row, as_text

ENDINGS: Final = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".parquet")
_TEXT: Final = (".csv", ".txt", ".tsv")
_PAGE: Final = 50_000


def find(source: FileSource) -> list[Path]:
    """The files of a source in the order of their names; SourceError if there is none."""
    folder, pattern = source.path.parent, source.path.name
    found = sorted(
        path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith((".", "~$"))
    )
    strange = [path for path in found if path.suffix.lower() not in ENDINGS]
    if strange:
        raise SourceError(
            "unknown_format",
            "the file's ending is none that is read",
            f"expected one of {', '.join(ENDINGS)}; narrow 'path' in company.yml if it is no export",
            Place(file=strange[0]),
        )
    if not found:
        raise SourceError(
            "source_missing",
            f"no file is called {pattern}",
            f"put the export there, or correct sources.{source.entity}.path in company.yml",
            Place(file=folder),
        )
    return found


def content_hash(files: Sequence[Path]) -> str:
    """Names and bytes of the files as one hash."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as handle:
            digest.update(f"{path.name}\0{hashlib.file_digest(handle, 'sha256').hexdigest()}\0".encode())
    return digest.hexdigest()


def read(source: FileSource, files: Sequence[Path]) -> Iterator[Part]:
    """Each file as a part; SourceError if one cannot be read or lacks a column that the settings name."""
    for path in files:
        ending = path.suffix.lower()
        if ending == ".parquet":
            yield Part(path.name, _parquet(source, path))
        else:
            lines = _text_lines(source, path) if ending in _TEXT else _sheet_lines(source, path)
            yield Part(path.name, _rows(source, path, lines))


def wanted(source: FileSource) -> list[str]:
    """Columns of the file that the settings name."""
    return sorted({setting.column for setting in source.columns.values() if setting.column is not None})


def _folded(title: str) -> str:
    return " ".join(title.split()).casefold()


def _positions(source: FileSource, path: Path, titles: Sequence[str], row: int | None) -> dict[str, int]:
    """Where each wanted column stands."""
    folded = [_folded(title) for title in titles]
    found = {}
    for column in wanted(source):
        times = folded.count(_folded(column))
        if times != 1:
            raise SourceError(
                "source_columns",
                "the column stands twice in the file"
                if times
                else "the file has no such column; it has "
                + (", ".join(repr(title) for title in titles if title) or "none"),
                f"correct sources.{source.entity}.columns in company.yml, or the export",
                Place(file=path, row=row, column=column),
            )
        found[column] = folded.index(_folded(column))
    return found


def _rows(source: FileSource, path: Path, lines: Iterator[tuple[int, list[str | None]]]) -> Iterator[Row]:
    """Rows below the first line that is not blank, which has the titles."""
    number, titles = next(lines, (1, []))
    positions = _positions(source, path, [title or "" for title in titles], number)
    for number, cells in lines:
        row = {column: cells[at] if at < len(cells) else None for column, at in positions.items()}
        more = len(cells) - len(titles)
        yield Row(
            number,
            row,
            f"{len(cells)} cells under {len(titles)} titles; put texts that hold the delimiter in quotes"
            if more > 0 and any(cells[len(titles) :])
            else None,
        )


def _text_lines(source: FileSource, path: Path) -> Iterator[tuple[int, list[str | None]]]:
    text = _decoded(source, path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = source.delimiter or max(";,\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for cells in reader:
            shown = [as_text(cell) for cell in cells]
            if any(shown):
                yield number, shown
            number = reader.line_num + 1
    except csv.Error as error:
        raise SourceError(
            "invalid_csv",
            f"not valid CSV ({error})",
            "correct the quotes, or export it again",
            Place(file=path, row=number),
        ) from error


def _decoded(source: FileSource, path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode(source.encoding or "utf-8-sig")
    except LookupError as error:
        raise SourceError(
            "unknown_encoding",
            f"{source.encoding!r} is no known encoding",
            f"correct sources.{source.entity}.encoding in company.yml: utf-8, cp1252, …",
        ) from error
    except UnicodeDecodeError as error:
        if source.encoding is None:
            # What office programs write as CSV in western Europe; every byte is a letter of it, or of none.
            return content.decode("cp1252", errors="replace")
        row = content[: error.start].count(b"\n") + 1
        raise SourceError(
            "invalid_encoding",
            f"it is not written in {source.encoding}",
            f"correct sources.{source.entity}.encoding in company.yml, or leave it out",
            Place(file=path, row=row),
        ) from error


def _sheet_lines(source: FileSource, path: Path) -> Iterator[tuple[int, list[str | None]]]:
    from connectors.feeds.workbooks import open_workbook

    try:
        opened = open_workbook(path, path.name)
        name = source.sheet or next(iter(opened.visible or opened.names))
        rows: list[list[Any]] = opened.sheet(name, path.name).to_python(skip_empty_area=False)
    except AvalError as error:
        raise SourceError(error.code, error.problem, error.remedy, Place(file=path)) from error
    for (row, column), text in opened.errors.get(name, {}).items():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = text
    for number, cells in enumerate(rows, start=1):
        shown = [as_text(cell) for cell in cells]
        if any(shown):
            yield number, shown


def _parquet(source: FileSource, path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            titles = file.schema_arrow.names
            at = _positions(source, path, titles, None)
            number = 0
            for batch in file.iter_batches(_PAGE, columns=[titles[position] for position in at.values()]):
                columns = {
                    column: batch.column(titles[position]).to_pylist() for column, position in at.items()
                }
                for cells in zip(*columns.values(), strict=True):
                    number += 1
                    yield Row(
                        number, {name: as_text(cell) for name, cell in zip(columns, cells, strict=True)}
                    )
    except pa.ArrowInvalid as error:
        raise SourceError(
            "invalid_parquet", f"not a readable Parquet file ({error})", "export it again", Place(file=path)
        ) from error
