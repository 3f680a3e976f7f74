"""Which models a run builds, and which stand because nothing that they read has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.contract import ENTITIES
from orchestration.dbt import parsed
from orchestration.settings import SAMPLE_COMPANY, load_settings
from orchestration.standing import DAY, LOOKS, source_name, to_build

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

ALL = {source_name(entity.system, entity.name) for entity in ENTITIES.values()} | {DAY}


@pytest.fixture(scope="module")
def manifest(manifest_data: Path) -> Manifest:
    return parsed(load_settings(SAMPLE_COMPANY, manifest_data), with_tests=False)


@pytest.fixture
def asking_for_more(manifest: Manifest) -> Iterator[Manifest]:
    """The project, with a query of its own in the macro `quantity`."""
    macro = manifest.macros["macro.aval.quantity"]
    text = macro.macro_sql
    macro.macro_sql = text + "{% set now = run_query('select 1') %}"
    yield manifest
    macro.macro_sql = text


def test_what_reads_only_what_has_not_changed_stands(manifest: Manifest) -> None:
    built = to_build(manifest, ALL)
    assert built.isdisjoint(
        {"stg_erp__products", "dim_products", "dim_partners", "dim_channels", "seed_channels"}
    )
    assert built.isdisjoint(
        {"stg_accounting__gl_entries", "fct_gl_entries", "stg_rules__product_translations"}
    )


def test_what_the_ledger_decides_is_built_in_every_run(manifest: Manifest) -> None:
    assert to_build(manifest, ALL) >= {
        "stg_ledger__touched_slices",
        "stg_feeds__sell_out",
        "fct_sell_out_lines",
        "fct_reports",
        "fct_inventory",
        "mart_channel_inventory_weekly",
    }


def test_a_changed_source_is_followed_through_views_which_are_not_made_anew(manifest: Manifest) -> None:
    built = to_build(manifest, ALL - {"landing/erp/products"})
    assert {"dim_products", "stg_rules__product_translations", "fct_sell_in"} <= built
    assert "stg_erp__products" not in built
    assert built.isdisjoint({"dim_partners", "fct_gl_entries"})


def test_a_new_day_builds_what_looks_at_the_day(manifest: Manifest) -> None:
    built = to_build(manifest, ALL - {DAY})
    assert {"dim_partners", "dim_dates", "fct_orders"} <= built
    assert built.isdisjoint({"dim_products", "fct_gl_entries"})


def test_a_source_that_is_not_named_counts_as_changed(manifest: Manifest) -> None:
    everything = to_build(manifest, set())
    tables = {
        node.name
        for node in manifest.nodes.values()
        if node.config.materialized in ("table", "incremental") and node.depends_on.nodes
    }
    from_seeds_alone = {"dim_alert_rules", "dim_channels", "dim_gap_causes"}
    assert tables - everything <= from_seeds_alone


def test_a_macro_that_asks_for_more_than_its_inputs_is_built_in_every_run(asking_for_more: Manifest) -> None:
    # dim_budgets calls it, and would stand otherwise.
    assert "dim_budgets" in to_build(asking_for_more, ALL)


def test_the_same_model_stands_without_the_query(manifest: Manifest) -> None:
    assert "dim_budgets" not in to_build(manifest, ALL)


def test_the_macros_that_are_known_to_ask_are_there(manifest: Manifest) -> None:
    assert {f"macro.aval.{name}" for name in LOOKS} <= set(manifest.macros)
