"""The ERP database, read by the mapping queries of the demonstration company."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.contract import ERP_ENTITIES, Entity
from connectors.erp.queries import read_query
from connectors.erp.reading import BEGINNING, Extract, open_erp
from connectors.sample import erp
from connectors.sample.generator import SEED, build

QUERIES = Path(__file__).parents[4] / "examples" / "demo" / "erp"
AS_OF = date(2024, 10, 31)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    small = build(SEED, AS_OF)
    url = erp.sqlite_url(tmp_path_factory.mktemp("erp") / "erp.sqlite")
    erp.fill(url, small.products, small.listings, small.documents, small.programmes, AS_OF)
    return url


@pytest.mark.parametrize("entity", ERP_ENTITIES, ids=lambda entity: entity.name)
def test_each_mapping_query_delivers_every_column_of_the_contract(entity: Entity, database: str) -> None:
    query = read_query(QUERIES / f"{entity.name}.sql", entity)
    with open_erp(database) as engine, engine.connect() as connection:
        names = list(connection.execute(sa.text(query.text), {"cursor": BEGINNING}).keys())
        assert names == [column.name for column in entity.asked_columns]
        rows = sum(table.num_rows for table in Extract(engine, query, BEGINNING))
    assert rows > 0
    assert query.uses_cursor or entity.secret_columns


@pytest.mark.parametrize("entity", ERP_ENTITIES, ids=lambda entity: entity.name)
def test_each_key_of_the_contract_is_unique_in_the_erp(entity: Entity, database: str) -> None:
    query = read_query(QUERIES / f"{entity.name}.sql", entity)
    with open_erp(database) as engine:
        keys = [
            key
            for table in Extract(engine, query, BEGINNING)
            for key in zip(*(table[name].to_pylist() for name in entity.key), strict=True)
        ]
    assert len(keys) == len(set(keys))


def test_the_erp_has_names_of_its_own() -> None:
    ours = {entity.name for entity in ERP_ENTITIES}
    columns = {column.name for entity in ERP_ENTITIES for column in entity.columns} - {"siret", "gln"}
    for table in erp.METADATA.sorted_tables:
        assert table.name not in ours
        assert not columns & {column.name for column in table.columns}


def test_no_row_was_changed_after_the_last_day(database: str) -> None:
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        for table in erp.METADATA.sorted_tables:
            if "maj" in table.c:
                newest = connection.scalar(sa.select(sa.func.max(table.c.maj)))
                assert newest is not None
                assert str(newest) < "2024-11-01", table.name
    engine.dispose()


def test_whole_amounts_are_floats_like_all_others(database: str) -> None:
    """A driver that gives 120 for 120.00 and 120.5 for 120.50 gives a column of two types."""
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        kinds = (
            connection.execute(sa.text("select distinct typeof(montant_net) from factures_lignes"))
            .scalars()
            .all()
        )
    engine.dispose()
    assert kinds == ["real"]
