"""Mapping queries: one SQL file per contract entity that gives an ERP's rows in canonical columns.

What belongs here: finding, reading and checking the text of a query. What does not: running it
(`connectors.erp.reading`) and the SQL of one ERP (its own folder).

A query is one `select` (or `with … select`) whose columns are named like the contract's. It may use the
bound parameter `:cursor`, the newest `updated_at` of the last complete extract:
`where updated_at >= :cursor`. A header line `-- needs: table, table.column` names what must exist in the
database; of several variants (`product_costs.1_history.sql`, `product_costs.2_current.sql`) the first
whose needs are met is taken, and an entity none of whose variants fits is not connected.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.company import text_of
from connectors.contract import ERP_ENTITIES, Entity
from connectors.errors import ConfigError, Place, SourceError

MANDATORY: Final = ("partners", "products", "invoice_lines")
"""Entities without which no figure can be made; every other one may be missing."""

_NEEDS: Final = re.compile(r"^\s*--\s*needs:\s*(.+)$", re.MULTILINE)
_COMMENT: Final = re.compile(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|--[^\n]*|/\*.*?\*/", re.DOTALL)
_PARAMETER: Final = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")

_SINCE: Final = re.compile(r">=?\s*:cursor(?!\w)")

HasObject = Callable[[str, str | None], bool]
"""Whether the database has a table, or a table with a column."""


@dataclass(frozen=True)
class MappingQuery:
    """The query of one entity. `text` has neither comments nor a closing semicolon."""

    entity: Entity
    file: Path
    text: str
    needs: tuple[str, ...] = ()

    @property
    def uses_cursor(self) -> bool:
        """Whether it gives only rows that changed since `:cursor`; otherwise it is read whole."""
        return binds_cursor(self.text)

    @property
    def never_reached(self) -> str | None:
        """The query of the rows whose instant is NULL: its condition leaves them out, whatever the cursor is.

        None where the cursor is compared in a way that cannot be turned round.
        """
        if len(_SINCE.findall(self.text)) != _PARAMETER.findall(self.text).count("cursor"):
            return None
        return _SINCE.sub("is null", self.text)

    @property
    def fingerprint(self) -> str:
        """Changes when the query or the contract of its entity does; the next pull then reads all."""
        columns = ",".join(f"{column.name} {column.type}" for column in self.entity.asked_columns)
        return hashlib.sha256(f"{self.text}\n{columns}".encode()).hexdigest()[:16]

    def is_met(self, has: HasObject) -> bool:
        """Whether the database has all that the header `-- needs:` names."""
        return all(has(table, column or None) for table, _, column in (n.partition(".") for n in self.needs))


def binds_cursor(text: str) -> bool:
    """Whether a query takes the parameter `:cursor`."""
    return "cursor" in _PARAMETER.findall(text)


def read_query(file: Path, entity: Entity) -> MappingQuery:
    """Read and check one file; SourceError if it cannot be one mapping query."""
    written = text_of(file)
    needs = tuple(
        name.strip() for line in _NEEDS.findall(written) for name in line.split(",") if name.strip()
    )
    text = _COMMENT.sub(lambda match: match.group(1) or " ", written).strip().rstrip(";").strip()
    if not text:
        raise SourceError("empty_query", "the mapping query is empty", "write a select", Place(file=file))
    unknown = sorted(set(_PARAMETER.findall(text)) - {"cursor"})
    if unknown:
        raise SourceError(
            "unknown_parameter",
            f"the mapping query uses :{unknown[0]}, which is not known",
            r"use :cursor only; write \: for a colon that is part of a text",
            Place(file=file),
        )
    query = MappingQuery(entity, file, text, needs)
    if query.uses_cursor and entity.secret_columns:
        raise SourceError(
            "no_cursor_here",
            f"the mapping query of {entity.name} uses :cursor",
            "leave it out: names are compared while they are read, so all rows must be there",
            Place(file=file),
        )
    return query


def find_queries(folders: Iterable[Path]) -> dict[str, tuple[MappingQuery, ...]]:
    """The variants of each entity's query; those of an earlier folder hide those of later ones.

    A file that is named after no contract entity is an error: it would never be run.
    """
    entities = {entity.name: entity for entity in ERP_ENTITIES}
    found: dict[str, tuple[MappingQuery, ...]] = {}
    for folder in folders:
        here: dict[str, list[MappingQuery]] = {}
        for file in sorted(folder.glob("*.sql")):
            name = file.name.split(".", 1)[0]
            if name not in entities:
                raise SourceError(
                    "unknown_entity",
                    f"{name!r} is no entity of the contract",
                    f"name the file after one of: {', '.join(entities)}",
                    Place(file=file),
                )
            here.setdefault(name, []).append(read_query(file, entities[name]))
        for name, variants in here.items():
            found.setdefault(name, tuple(variants))
    return found


def choose(variants: Mapping[str, tuple[MappingQuery, ...]], has: HasObject) -> dict[str, MappingQuery]:
    """The query to run for each entity that is connected."""
    chosen: dict[str, MappingQuery] = {}
    for name, queries in variants.items():
        met = next((query for query in queries if query.is_met(has)), None)
        if met is not None:
            chosen[name] = met
    return chosen


def check_mandatory(queries: Mapping[str, MappingQuery], folder: Path) -> None:
    """ConfigError if an entity without which no figure can be made has no query."""
    for name in MANDATORY:
        if name not in queries:
            raise ConfigError(
                "missing_query",
                f"there is no mapping query for {name}",
                f"write {name}.sql; docs/erp.md lists its columns",
                Place(file=folder / f"{name}.sql"),
            )
