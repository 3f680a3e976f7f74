"""From a stream of rows of several files to one Parquet file each.

DuckDB's own `copy` costs some milliseconds of planning and opening for each file it writes, several times
what a small report's rows cost; here one query serves many files. What belongs here: cutting the stream and
writing. What does not: which rows land (`normalise`), and how files come to their place whole
(`connectors.landing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.feeds.table import UnprovenRows

ROW_GROUP: Final = 122_880
"""Rows of a row group, as DuckDB writes them; more are never held at a time."""
_ROW: Final = "_source_row"


def write_files(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    constants: Mapping[int, Mapping[str, object]],
    targets: Mapping[int, Path],
) -> None:
    """Write the rows of each file to its target; a file without rows gets a Parquet file without rows.

    `batches` hold `_file`, the number of a file, in runs, and columns of `schema`; `constants` give the
    others by file. Rows of files that have no target are left out. UnprovenRows if a file's rows do not come
    together.
    """
    left = dict(targets)
    met: set[int] = set()
    for file, run in groupby(_cut(batches), itemgetter(0)):
        if file in met:
            raise UnprovenRows
        met.add(file)
        if file in left:
            _write(left.pop(file), schema, constants[file], (batch for _, batch in run))
    for file, target in left.items():
        _write(target, schema, constants[file], ())


def _cut(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    for batch in batches:
        runs = pc.run_end_encode(batch.column("_file"))
        start = 0
        for file, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield file, batch.slice(start, end - start)
            start = end


def _write(
    target: Path, schema: pa.Schema, constants: Mapping[str, object], batches: Iterable[pa.RecordBatch]
) -> None:
    # What is the same in every row is a dictionary of one value: nothing is hashed row by row.
    stored = pa.schema(
        field.with_type(pa.dictionary(pa.int8(), field.type))
        if isinstance(constants.get(field.name), str)
        else field
        for field in schema
    )
    with pq.ParquetWriter(
        target,
        stored,
        compression="zstd",
        store_schema=False,
        store_decimal_as_integer=True,
        # Row numbers rise by one: as differences they are nothing, as a dictionary the largest column.
        use_dictionary=[field.name for field in schema if field.name != _ROW],
        column_encoding={_ROW: "DELTA_BINARY_PACKED"},
        write_statistics=[field.name for field in schema if pa.types.is_date(field.type)],
    ) as writer:
        held: list[pa.RecordBatch] = []
        for batch in batches:
            held.append(batch)
            if sum(each.num_rows for each in held) >= ROW_GROUP:
                writer.write_table(_table(held, stored, constants))
                held = []
        if held:
            writer.write_table(_table(held, stored, constants))


def _table(batches: list[pa.RecordBatch], schema: pa.Schema, constants: Mapping[str, object]) -> pa.Table:
    rows = pa.Table.from_batches(batches)
    return pa.Table.from_arrays(
        [
            _repeated(constants[field.name], rows.num_rows, field.type)
            if field.name in constants
            else rows.column(field.name)
            for field in schema
        ],
        schema=schema,
    )


def _repeated(value: object, times: int, type_: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(type_):
        codes = pa.repeat(pa.scalar(0, type_.index_type), times)
        return pa.DictionaryArray.from_arrays(codes, pa.array([value], type_.value_type))
    return pa.repeat(pa.scalar(value, type_), times)
