"""A file gets to the landing area whole or not at all, and each entity has a typed, empty start."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from connectors.contract import ENTITIES
from connectors.landing import atomic_file, entity_folder, new_batch_id, remove_leftovers, write_schemas


def test_a_failed_write_leaves_the_former_file_and_no_leftover(tmp_path: Path) -> None:
    final = tmp_path / "a.parquet"
    final.write_text("old", encoding="utf-8")

    def fail_half_way() -> None:
        with atomic_file(final) as part:
            part.write_text("new, but", encoding="utf-8")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail_half_way()

    assert final.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_leftovers_of_a_killed_run_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "erp").mkdir()
    leftover = tmp_path / "erp" / ".b1.parquet.0a1b2c3d.part"
    leftover.touch()
    kept = tmp_path / "erp" / "b0.parquet"
    kept.touch()

    assert remove_leftovers(tmp_path) == [leftover]
    assert kept.exists()


def test_every_entity_has_an_empty_file_with_the_contract_s_columns(tmp_path: Path) -> None:
    write_schemas(tmp_path)

    for entity in ENTITIES.values():
        found = duckdb.sql(
            f"describe select * from '{entity_folder(tmp_path, entity)}/_schema.parquet'"
        ).fetchall()
        assert [row[0] for row in found] == [column.name for column in entity.all_columns]
        assert [row[1] for row in found] == [column.type for column in entity.all_columns]


def test_contract_names_are_unique_and_keys_exist() -> None:
    for entity in ENTITIES.values():
        names = [column.name for column in entity.all_columns]
        assert len(names) == len(set(names)), entity.name
        assert set(entity.key) <= set(names), entity.name
        assert entity.date_column is None or entity.date_column in names


def test_batch_ids_sort_by_time() -> None:
    first = datetime(2026, 3, 2, 6, 0, 0, 1, tzinfo=UTC)
    second = datetime(2026, 3, 2, 6, 0, 0, 2, tzinfo=UTC)

    assert new_batch_id(first) < new_batch_id(second)
