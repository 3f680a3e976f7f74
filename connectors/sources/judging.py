"""From a source's text to the contract's columns: each row lands, or is held back and says why.

A row is held back whole, with every fault that it has: row, column, value, reason and remedy. A second row of
one key in the same part is a fault unless it is equal; a later part replaces what a former one said. People
are hashed here, so that no one lands: in what is kept of a row that was held back their text is left out.
What belongs here: that judgement. What does not: reading (`files`, `rest`), and which rows are new
(`connectors.changes`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa

from connectors.company import AnySource, SourceColumn
from connectors.contract import Column, Entity, is_of_person, source_entity
from connectors.erp.reading import arrow_type
from connectors.feeds.customers import ANYBODY, normalised, partner_key
from connectors.sources.reading import Part, Row

PERSON: Final = "(person)"

CODES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "survey_answers": {"subject_code": ("partner", "product")},
    "trainings": {"result_code": ("attended", "passed", "failed")},
    "opportunities": {"stage_code": ("open", "quoted", "won", "lost")},
    "leads": {"status_code": ("new", "passed", "won", "lost")},
}
"""Columns that know some words only."""

BOUNDS: Final = {
    "score": (0, 10),
    "headcount": (1, 100_000),
    "visitor_count": (0, 10**12),
    "lead_count": (0, 10**12),
    "basket_count": (0, 10**12),
    "purchase_count": (0, 10**12),
}
"""Whole numbers and what they may be, both ends included."""


@dataclass(frozen=True)
class Fault:
    """Why one row is held back. `reason` says in English what is wrong and what to do."""

    source_file: str
    source_row: int
    column_name: str | None
    value: str | None
    reason_code: str
    reason: str
    raw_text: str


@dataclass
class Judged:
    """What came of a reading. `accepted` has the contract's columns, `_source_file` and `_source_row`."""

    entity: Entity
    read: int = 0
    faults: list[Fault] = field(default_factory=list)
    rows: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    newest: datetime | None = None
    oldest_fault: datetime | None = None
    is_fault_undated: bool = False

    @property
    def quarantined(self) -> int:
        return len({(fault.source_file, fault.source_row) for fault in self.faults})

    def accepted(self) -> pa.Table:
        """The rows that may land, people hashed."""
        rows = list(self.rows.values())
        _hash_people(self.entity, rows)
        columns = {
            **{column.name: arrow_type(column.type) for column in self.entity.columns},
            "_source_file": pa.string(),
            "_source_row": pa.int64(),
        }
        return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in columns.items()})


@dataclass(frozen=True)
class _Problem(Exception):
    code: str
    reason: str


def judge(source: AnySource, parts: Iterable[Part], zone: tzinfo) -> Judged:
    """Judge all rows of a reading; the day of an instant is that in `zone`."""
    judged = Judged(source_entity(source.entity))
    for part in parts:
        here: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in part.rows:
            judged.read += 1
            faults, values = _judge_row(source, judged.entity, row, zone)
            if not faults:
                key = tuple(values[name] for name in judged.entity.key)
                if here.setdefault(key, values) != values:
                    faults = [(None, " | ".join(map(str, key)), _DOUBLE)]
            if faults:
                raw = _raw_text(source, row)
                judged.faults += [
                    Fault(part.name, row.number, column, value, problem.code, problem.reason, raw)
                    for column, value, problem in faults
                ]
                _note_fault(judged, values)
                continue
            stamp = values.get("updated_at")
            if stamp is not None:
                judged.newest = stamp if judged.newest is None else max(judged.newest, stamp)
            judged.rows[key] = {**values, "_source_file": part.name, "_source_row": row.number}
    return judged


def _note_fault(judged: Judged, values: Mapping[str, Any]) -> None:
    stamp = values.get("updated_at")
    if stamp is None:
        judged.is_fault_undated = True
    else:
        judged.oldest_fault = stamp if judged.oldest_fault is None else min(judged.oldest_fault, stamp)


_DOUBLE: Final = _Problem(
    "double_key", "another row before it has the same key and says something else; keep one of them"
)

_Found = tuple[str | None, str | None, _Problem]


def _judge_row(
    source: AnySource, entity: Entity, row: Row, zone: tzinfo
) -> tuple[list[_Found], dict[str, Any]]:
    if row.malformed is not None:
        return [(None, None, _Problem("malformed_row", row.malformed))], {}
    faults: list[_Found] = []
    values: dict[str, Any] = {}
    for column in entity.columns:
        setting = source.columns.get(column.name)
        text = _text(setting, row)
        try:
            values[column.name] = _value(entity, column, setting, text, zone)
        except _Problem as problem:
            shown = PERSON if is_of_person(column.name) else text
            faults.append((setting.column if setting else column.name, shown, problem))
            values[column.name] = None
    if not faults:
        faults = list(_together(entity, values))
    return faults, values


def _text(setting: SourceColumn | None, row: Row) -> str | None:
    if setting is None:
        return None
    return setting.value if setting.column is None else row.cells.get(setting.column)


def _value(
    entity: Entity, column: Column, setting: SourceColumn | None, text: str | None, zone: tzinfo
) -> Any:
    if text is not None and setting is not None and setting.codes:
        if text not in setting.codes:
            known = ", ".join(repr(word) for word in setting.codes)
            raise _Problem(
                "unknown_code", f"no known word; expected one of {known}, or add it to 'codes' in company.yml"
            )
        text = setting.codes[text]
    if text is None:
        if column.required:
            raise _Problem("missing_value", f"nothing stands here; expected: {column.description}")
        return None
    value = _READERS[column.type.partition("(")[0]](text, column, setting)
    if column.type == "DATE":
        # As of an instant of the ERP: half past eleven in London is tomorrow in Paris.
        value = (value.astimezone(zone) if value.tzinfo else value).date()
    known_words = CODES.get(entity.name, {}).get(column.name)
    if known_words is not None and value not in known_words:
        raise _Problem(
            "unknown_code",
            f"expected one of {', '.join(known_words)}; translate other words with 'codes' in company.yml",
        )
    low, high = BOUNDS.get(column.name, (None, None))
    if low is not None and high is not None and not low <= value <= high:
        raise _Problem(
            "out_of_bounds", f"expected a whole number from {low} to {high:,}; correct it at its source"
        )
    return value


def _together(entity: Entity, values: Mapping[str, Any]) -> Iterator[_Found]:
    """Faults that only several columns of a row show together."""
    for former, later, inclusive in (
        ("opened_date", "closed_date", True),
        ("created_date", "closed_date", True),
        ("certified_from_date", "certified_to_date", False),
    ):
        start, end = values.get(former), values.get(later)
        if start is not None and end is not None and (end < start or (end == start and not inclusive)):
            yield (
                later,
                str(end),
                _Problem(
                    "dates_reversed",
                    f"it is not after {former} {start}; correct one of the two at its source",
                ),
            )
    if entity.name == "survey_answers" and values[f"{values['subject_code']}_code"] is None:
        named = f"{values['subject_code']}_code"
        yield (
            named,
            None,
            _Problem(
                "missing_value",
                f"the answer is about a {values['subject_code']} and names none; fill in {named}",
            ),
        )
    if entity.name == "trainings" and values["participant_key"] is None and values["headcount"] is None:
        yield (
            "headcount",
            None,
            _Problem("missing_value", "neither a participant nor a number of people; fill in one of the two"),
        )


# --- values ---


def _read_text(text: str, column: Column, setting: SourceColumn | None) -> str:
    return text


def _read_instant(text: str, column: Column, setting: SourceColumn | None) -> datetime:
    moment = _read_moment(text, column, setting)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _read_moment(text: str, column: Column, setting: SourceColumn | None) -> datetime:
    formats = [setting.format] if setting is not None and setting.format else []
    french = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}:\d{2})(?::(\d{2}))?)?", text)
    try:
        if formats:
            return datetime.strptime(text, formats[0])  # noqa: DTZ007 - the source's own clock
        if french:
            day, month, year, clock, seconds = french.groups()
            return datetime.fromisoformat(
                f"{year}-{int(month):02}-{int(day):02}T{(clock or '00:00').zfill(5)}:{seconds or '00'}"
            )
        return datetime.fromisoformat(text)
    except ValueError as error:
        expected = formats[0] if formats else "2026-01-31 or 31/01/2026"
        raise _Problem(
            "invalid_date", f"no date as {expected}; correct it, or say how dates are written with 'format'"
        ) from error


def _read_number(text: str, column: Column, setting: SourceColumn | None) -> Decimal:
    plain = re.sub(r"[\s\u00a0\u202f']", "", text).replace(",", ".")
    digits = int(column.type.rstrip(")").rpartition(",")[2])
    try:
        number = Decimal(plain)
        exact = number.quantize(Decimal(1).scaleb(-digits))
    except InvalidOperation as error:
        raise _Problem("invalid_number", "no number; expected digits with one decimal mark") from error
    if exact != number:
        raise _Problem("invalid_number", f"more than {digits} decimals; round it at its source")
    return exact


def _read_integer(text: str, column: Column, setting: SourceColumn | None) -> int:
    plain = re.sub(r"[\s\u00a0\u202f']", "", text)
    if not re.fullmatch(r"[+-]?\d{1,18}(?:[.,]0+)?", plain):
        raise _Problem("invalid_number", "no whole number; correct it at its source")
    return int(re.split("[.,]", plain)[0])


_READERS: Final[Mapping[str, Callable[[str, Column, SourceColumn | None], Any]]] = {
    "VARCHAR": _read_text,
    "DATE": _read_moment,
    "TIMESTAMP": _read_instant,
    "DECIMAL": _read_number,
    "INTEGER": _read_integer,
    "BIGINT": _read_integer,
}


# --- people ---


def _hash_people(entity: Entity, rows: list[dict[str, Any]]) -> None:
    for column in (column.name for column in entity.columns if is_of_person(column.name)):
        texts = sorted({row[column] for row in rows if row[column] is not None})
        if not texts:
            continue
        normal = dict(zip(texts, normalised(texts), strict=True))
        keys = {partner: partner_key(partner) for partner in {_partner(row) for row in rows}}
        for row in rows:
            if row[column] is not None:
                row[column] = keys[_partner(row)].hash(normal[row[column]])


def _partner(row: Mapping[str, Any]) -> str:
    return row.get("partner_code") or ANYBODY


def _raw_text(source: AnySource, row: Row) -> str:
    """The row as it came, but for people."""
    people = {
        setting.column for name, setting in source.columns.items() if is_of_person(name) and setting.column
    }
    shown = (f"{name}={PERSON if name in people else text}" for name, text in row.cells.items() if text)
    return " | ".join(shown)[:4000]
