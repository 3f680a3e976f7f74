"""Mapping queries: which file serves which entity, and what its text may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.contract import entity
from connectors.erp import tryton
from connectors.erp.queries import choose, find_queries, read_query
from connectors.errors import ConfigError, SourceError

PARTNERS = entity("erp", "partners")


def _query(folder: Path, text: str, name: str = "partners.sql"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_query(file, PARTNERS)


def test_comments_and_the_closing_semicolon_are_left_out_but_texts_are_kept(tmp_path: Path) -> None:
    query = _query(tmp_path, "-- all of :them\nselect '--x' as a, /* ; :no */ \"b--c\" from t ;\n")

    assert query.text == "select '--x' as a,   \"b--c\" from t"
    assert not query.uses_cursor


def test_the_cursor_is_recognised_and_casts_and_times_are_not_taken_for_parameters(tmp_path: Path) -> None:
    query = _query(tmp_path, "select a::date, '12:30' as b from t where c >= :cursor")

    assert query.uses_cursor


def test_another_parameter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="uses :since, which is not known"):
        _query(tmp_path, "select 1 from t where c > :since")


def test_a_query_in_another_code_page_is_named_and_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert _query(tmp_path, "\ufeffselect 1").text == "select 1"
    (tmp_path / "partners.sql").write_bytes("select 1\n-- société".encode("cp1252"))
    with pytest.raises(ConfigError, match=r"partners\.sql:2: the file is not UTF-8"):
        read_query(tmp_path / "partners.sql", PARTNERS)


def test_a_query_of_comments_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is empty"):
        _query(tmp_path, "-- later\n;")


def test_a_file_named_after_no_entity_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bills.sql").write_text("select 1", encoding="utf-8")

    with pytest.raises(SourceError, match="'bills' is no entity of the contract"):
        find_queries([tmp_path])


def test_the_fingerprint_follows_the_query_but_not_its_comments(tmp_path: Path) -> None:
    first = _query(tmp_path, "select 1 as a -- one").fingerprint

    assert _query(tmp_path, "select 1 as a -- uno").fingerprint == first
    assert _query(tmp_path, "select 2 as a").fingerprint != first


def test_the_first_variant_whose_needs_are_met_is_taken_and_none_means_not_connected(tmp_path: Path) -> None:
    _query(tmp_path, "-- needs: history, price.base\nselect 1", "partners.1_history.sql")
    _query(tmp_path, "-- needs: price\nselect 2", "partners.2_current.sql")
    variants = find_queries([tmp_path])

    def taken(*present: tuple[str, str | None]) -> str | None:
        chosen = choose(variants, lambda table, column: (table, column) in present)
        return chosen["partners"].text if "partners" in chosen else None

    assert taken(("history", None), ("price", "base")) == "select 1"
    assert taken(("history", None), ("price", None)) == "select 2"
    assert taken() is None


def test_the_companys_own_query_hides_all_variants_of_ours(tmp_path: Path) -> None:
    ours = Path(tryton.__file__).parent
    _query(tmp_path, "select 1", "product_costs.sql")

    found = find_queries([tmp_path, ours])

    assert [query.file.parent for query in found["product_costs"]] == [tmp_path]
    assert [query.file.parent for query in found["partners"]] == [ours]


@pytest.mark.parametrize("file", sorted(Path(tryton.__file__).parent.glob("*.sql")), ids=lambda f: f.name)
def test_every_query_of_tryton_says_its_grain_first(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("-- Grain: one row per ")
