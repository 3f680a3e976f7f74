"""The sample company's ERP in PostgreSQL: the same generator, the same mapping queries, the same rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import ERP_ENTITIES, Entity
from connectors.erp.queries import read_query
from connectors.erp.reading import BEGINNING, Extract, open_erp
from connectors.sample import Sample, generate

QUERIES = Path(__file__).parents[2] / "examples" / "demo" / "erp"
AS_OF = date(2024, 9, 17)


def rows(url: str, entity: Entity) -> list[tuple[Any, ...]]:
    query = read_query(QUERIES / f"{entity.name}.sql", entity)
    names = [column.name for column in entity.asked_columns]
    with open_erp(url) as engine:
        return sorted(
            (
                row
                for table in Extract(engine, query, BEGINNING)
                for row in zip(*(table[name].to_pylist() for name in names), strict=True)
            ),
            key=repr,
        )


@pytest.fixture
def samples(tmp_path: Path, postgres_database: str) -> tuple[Sample, Sample]:
    return (
        generate(tmp_path / "sqlite", as_of=AS_OF),
        generate(tmp_path / "postgres", as_of=AS_OF, url=postgres_database),
    )


def test_both_databases_give_the_same_canonical_rows(samples: tuple[Sample, Sample]) -> None:
    in_file, on_server = samples
    assert not on_server.erp.exists()
    for entity in ERP_ENTITIES:
        expected = rows(in_file.erp_url, entity)
        assert expected, entity.name
        assert rows(on_server.erp_url, entity) == expected, entity.name
