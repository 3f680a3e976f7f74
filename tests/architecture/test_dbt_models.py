"""House rules of the dbt project, read from its files and its manifest; each rule is shown to fail.

A rule is a function that gives the faults it finds, so that it can be tried on the project and on a case
that breaks it.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import ENTITIES
from connectors.rules import COMPANY_WIDE, Thresholds
from orchestration.declared import finance_marts, models

PROJECT = Path(__file__).parents[2] / "dbt_project"
MODELS = PROJECT / "models"

Manifest = dict[str, Any]

READS: dict[str, set[str]] = {
    "staging": {"landing", "staging"},
    "intermediate": {"staging", "intermediate", "core"},
    "core": {"staging", "intermediate", "core"},
    "marts": {"core", "marts"},
}
"""What a layer may read. Core is read by intermediate models that remember what facts were built with."""

KEY_TESTS = ("unique", "unique_combination", "unique_in_touched_slices")

NAMES = {
    "staging": r"stg_[a-z]+__[a-z_]+",
    "intermediate": r"int_[a-z]+_[a-z_]+",
    "core": r"(dim|fct)_[a-z_]+",
    # Alerts are facts that follow from marts, so that no formula is written twice. What stands as of the day
    # has no period in its name.
    "marts": r"mart_[a-z_]+_(daily|weekly|monthly|quarterly|yearly)|fct_alerts"
    r"|mart_territory_conflicts|mart_partner_360|mart_network_map|mart_promotion_uplift",
}

FORBIDDEN = {
    "a cast by ::": r"::",
    "a quoted identifier": r'"',
    "the type text": r"\btext\b",
    "a bare varchar": r"\bvarchar\b",
    "double precision": r"\bdouble\s+precision\b",
    "a range by `or … is null`": r"[<>=]\s*[\w.]+\s+or\s+[\w.]+\s+is\s+null\b",
    "group by position": r"\bgroup\s+by\s+\d",
    "select distinct": r"\bselect\s+distinct\b",
    "a date function of one engine": r"\b(strftime|date_?diff|date_add|dayofweek|generate_series)\s*\(",
    "division outside the macro": r"[\w)}]\s*/\s*[\w({]",
    "an order without `nulls last`": r"^order\s+by\s+(?!([\w.]+\s+nulls\s+last(,\s*)?)+$)",
}


def nodes(manifest: Manifest, kind: str) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == kind]


def layer_of(manifest: Manifest, unique_id: str) -> str:
    return "landing" if unique_id.startswith("source.") else str(manifest["nodes"][unique_id]["schema"])


def forbidden_edges(manifest: Manifest) -> list[str]:
    return [
        f"{model['name']} ({model['schema']}) reads {above} ({layer_of(manifest, above)})"
        for model in nodes(manifest, "model")
        for above in model["depends_on"]["nodes"]
        if layer_of(manifest, above) not in READS[model["schema"]]
    ]


def models_without_key_test(manifest: Manifest) -> list[str]:
    tested = {
        test["attached_node"]
        for test in nodes(manifest, "test")
        if (test.get("test_metadata") or {}).get("name") in KEY_TESTS
    }
    return [model["name"] for model in nodes(manifest, "model") if model["unique_id"] not in tested]


def models_without_contract(manifest: Manifest) -> list[str]:
    return [
        model["name"]
        for model in nodes(manifest, "model")
        if model["schema"] in ("core", "marts") and not model["contract"]["enforced"]
    ]


def increments_beside_their_contract(manifest: Manifest) -> list[str]:
    """What they add is held against the table that stands, which is what its contract was held against."""
    configs = {model["name"]: model.get("config", {}) for model in nodes(manifest, "model")}
    return [
        name
        for name, config in configs.items()
        if config.get("materialized") == "incremental" and config.get("on_schema_change") != "fail"
    ]


def undescribed(manifest: Manifest) -> list[str]:
    """Models and columns without a description; in core and marts also without names in both languages."""
    faults = []
    for model in nodes(manifest, "model"):
        own = model.get("config", {}).get("meta", {})
        has_names = model["schema"] not in ("core", "marts") or (own.get("name_fr") and own.get("name_en"))
        if not model["description"].strip() or not has_names:
            faults.append(model["name"])
        for column in model["columns"].values():
            meta = column["config"]["meta"]
            has_names = model["schema"] not in ("core", "marts") or (
                meta.get("name_fr") and meta.get("name_en")
            )
            if not column["description"].strip() or not has_names:
                faults.append(f"{model['name']}.{column['name']}")
    return faults


def units_in_one_language(manifest: Manifest) -> list[str]:
    """Columns of core and marts whose names say percent or days in one language only."""
    faults = []
    for model in nodes(manifest, "model"):
        for column in model["columns"].values():
            french, english = (column["config"]["meta"].get(f"name_{code}", "") for code in ("fr", "en"))
            if (
                ("%" in french) != ("%" in english)
                or ("(jours)" in french and "day" not in english.lower())
                or ("(days)" in english and "jour" not in french.lower())
            ):
                faults.append(f"{model['name']}.{column['name']}")
    return faults


def misnamed(manifest: Manifest) -> list[str]:
    return [
        model["name"]
        for model in nodes(manifest, "model")
        if not re.fullmatch(NAMES[model["schema"]], model["name"])
    ]


def marts_without_unit_test(manifest: Manifest) -> list[str]:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    return [
        model["name"]
        for model in nodes(manifest, "model")
        if model["schema"] == "marts" and model["name"] not in tested
    ]


def unstaged_sources(manifest: Manifest) -> list[str]:
    read = {above for model in nodes(manifest, "model") for above in model["depends_on"]["nodes"]}
    return [source["name"] for key, source in manifest["sources"].items() if key not in read]


def asset_keys(manifest: Manifest) -> set[tuple[str, ...]]:
    return {
        tuple(source["config"]["meta"]["dagster"]["asset_key"]) for source in manifest["sources"].values()
    }


def files_without_twin(models: Path) -> list[str]:
    """SQL files without a .yml of the same name beside them, and .yml files without their model."""
    sql = {path.with_suffix("") for path in models.rglob("*.sql")}
    yml = {path.with_suffix("") for path in models.rglob("*.yml") if not path.name.startswith("_")}
    return sorted(path.name for path in sql ^ yml)


def files_without_grain(*folders: Path) -> list[str]:
    return sorted(
        path.name
        for folder in folders
        for path in folder.glob("**/*.sql")
        if path.parent.name != "generic"
        and not path.read_text(encoding="utf-8").startswith("-- Grain: one row per ")
    )


def silent_on_additivity(manifest: Manifest) -> list[str]:
    """Facts and marts with measures whose opening comment, which readers see, does not say what adds up."""
    return sorted(
        model["name"]
        for model in nodes(manifest, "model")
        if model["schema"] in ("core", "marts")
        and not model["name"].startswith("dim_")
        and any(re.search(r"_(amount|quantity|count)$", column) for column in model["columns"])
        and not re.search(r"\b(not )?additive\b", opening_comment(model["raw_code"]), re.IGNORECASE)
    )


def codes_without_meaning(manifest: Manifest) -> list[str]:
    """Reasons and statuses that a model gives and the comment of their column does not name."""
    return sorted(
        f"{model['name']}.{column}: {code}"
        for model in nodes(manifest, "model")
        if model["schema"] in ("core", "marts")
        for column, codes in codes_given(model["raw_code"]).items()
        if column in model["columns"] and column.endswith(("reason_code", "status_code"))
        for code in codes
        if not re.search(rf"\b{code}\b", model["columns"][column]["description"])
    )


def codes_given(sql: str) -> dict[str, set[str]]:
    """By column the texts that its CASE may give, of the outermost CASE and those in it."""
    bare = re.sub(r"--[^\n]*", "", sql)
    given: dict[str, set[str]] = {}
    begun: list[int] = []
    for found in re.finditer(r"\bcase\b|\bend\b(?:\s+as\s+(\w+))?", bare):
        if found[0] == "case":
            begun.append(found.start())
        elif begun:
            start = begun.pop()
            if found[1]:
                text = r"\b(?:then|else)\s+(?:coalesce\([^()]*,\s*)?'(\w+)'"
                given.setdefault(found[1], set()).update(re.findall(text, bare[start : found.end()]))
    return given


def opening_comment(sql: str) -> str:
    return " ".join(line[3:] for line in takewhile(lambda line: line.startswith("-- "), sql.splitlines()))


def forbidden_constructs(sql: str) -> list[str]:
    """Constructs that the engines do not share, in SQL without its comments and Jinja."""
    bare = re.sub(r"\{\{\s*config\(\n.*?\n\s*\)\s*\}\}", "", sql, flags=re.DOTALL)
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "macro", bare, flags=re.DOTALL)
    bare = re.sub(r"--[^\n]*|'(?:[^']|'')*'", "", bare)
    return [
        name for name, pattern in FORBIDDEN.items() if re.search(pattern, bare, re.IGNORECASE | re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def manifest(manifest_data: Path) -> Manifest:
    path = manifest_data / "state" / "dbt" / "target" / "manifest.json"
    loaded: Manifest = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize(
    "rule",
    [
        forbidden_edges,
        models_without_key_test,
        models_without_contract,
        increments_beside_their_contract,
        undescribed,
        units_in_one_language,
        silent_on_additivity,
        codes_without_meaning,
        misnamed,
        marts_without_unit_test,
        unstaged_sources,
    ],
)
def test_manifest_keeps_the_rule(manifest: Manifest, rule: Callable[[Manifest], list[str]]) -> None:
    assert rule(manifest) == []


def test_sources_are_the_contracts_entities_and_the_ledger(manifest: Manifest) -> None:
    expected = {("landing", system, name) for system, name in ENTITIES}
    expected |= {("landing", "ledger", "batches"), ("landing", "ledger", "slices")}
    assert asset_keys(manifest) == expected


def test_each_model_has_its_yaml_twin() -> None:
    assert files_without_twin(MODELS) == []


def test_each_file_begins_with_its_grain() -> None:
    assert files_without_grain(MODELS, PROJECT / "tests") == []


def sql_files() -> Iterator[Path]:
    yield from sorted(MODELS.rglob("*.sql"))
    yield from sorted((PROJECT / "tests").rglob("*.sql"))


_MEASURED = r"[\w.]*[_.](?:amount|quantity|value|rate|share|factor|per_euro)\b"
_PRODUCT = re.compile(rf"({_MEASURED})[\s)'~]*\*[\s('~]*({_MEASURED})")
_WIDENED = re.compile(r"\b(?:wide|cast)\((?:[^()]|\([^()]*\))*\)")
WIDE_ALREADY = {
    "accounts.last_year_whole_amount * accounts.done_share": "the share is a double",
    "scope_value * done_share": "the share is a double",
    "scope_share_rate * measured_value": "the value has 20 digits",
    "paid_on_time_minimum_rate * due_amount": "the amount is a sum, of 38 digits",
    "wide_expected_amount * month_own_amount": "the first amount has 28 digits",
    "wide_expected_amount * base_amount": "the first amount has 28 digits",
    "deviation_factor * spread_share": "both are small",
    "deviation_rate * usual_share": "both are small",
    "commission_rate * split_rate": "both are at most 1",
    "bought_share * stage_share": "both are small",
}


def narrow_products(sql: str) -> list[str]:
    """Products of two amounts, quantities or rates that DuckDB would multiply in 64 bits."""
    bare = re.sub(r"--[^\n]*|\{#.*?#\}", "", sql, flags=re.DOTALL)
    found = [f"{left} * {right}" for left, right in _PRODUCT.findall(_WIDENED.sub("widened", bare))]
    return [product for product in found if product not in WIDE_ALREADY]


@pytest.mark.parametrize(
    "path", [*sql_files(), *sorted((PROJECT / "macros").rglob("*.sql"))], ids=lambda path: path.stem
)
def test_products_do_not_overflow(path: Path) -> None:
    assert narrow_products(path.read_text(encoding="utf-8")) == []


# A median takes values as they are; sums, means and deviations of doubles add them up, and round differently
# in another order of rows.
_ADDED_DOUBLES = re.compile(
    r"\b(?:stddev|stddev_samp|stddev_pop|variance|var_samp|var_pop|covar_samp|covar_pop|corr|regr_\w+)\("
    r"|\b(?:sum|avg)\(\s*cast\([^()]*\bas\s+double\s*\)"
)


def added_doubles(sql: str) -> list[str]:
    """Aggregates whose last digits depend on the order of the rows."""
    bare = re.sub(r"--[^\n]*|\{#.*?#\}", "", sql, flags=re.DOTALL)
    return _ADDED_DOUBLES.findall(bare)


@pytest.mark.parametrize(
    "path", [*sql_files(), *sorted((PROJECT / "macros").rglob("*.sql"))], ids=lambda path: path.stem
)
def test_no_figure_depends_on_the_order_of_rows(path: Path) -> None:
    assert added_doubles(path.read_text(encoding="utf-8")) == []


def test_an_aggregate_of_doubles_is_found() -> None:
    assert added_doubles("select stddev_samp(a) from b") == ["stddev_samp("]
    assert added_doubles("select sum(cast(a as double)) from b") == ["sum(cast(a as double)"]
    assert added_doubles("select median(cast(a as double)), sum(cast(a as decimal(18, 2))) from b") == []
    assert added_doubles("select a from corrected(b)") == []


def test_a_product_in_64_bits_is_found() -> None:
    assert narrow_products("select net_amount * lines.discount_rate") == ["net_amount * lines.discount_rate"]
    assert narrow_products("divide('net_amount * ' ~ '(sold_quantity)', 'q')") == [
        "net_amount * sold_quantity"
    ]
    assert narrow_products("{{ wide('net_amount') }} * discount_rate, net_amount * day_count") == []


@pytest.mark.parametrize("path", sql_files(), ids=lambda path: path.stem)
def test_models_hold_nothing_that_the_engines_do_not_share(path: Path) -> None:
    assert forbidden_constructs(path.read_text(encoding="utf-8")) == []


def listed(macro: str) -> list[str]:
    """The names that a macro of `closing.sql` lists."""
    text = (PROJECT / "macros" / "closing.sql").read_text(encoding="utf-8")
    body = text.partition("{% macro " + macro + "()")[2].partition("{%- endmacro %}")[0]
    return re.findall(r"'([a-z_]+)'", body)


def test_the_marts_of_the_close_are_those_that_declare_it() -> None:
    declared = finance_marts()
    facts = {
        source.late_fact or source.fact
        for model in declared.values()
        for source in model.trace
        if source.late_reason
    }
    assert listed("finance_marts") == sorted(declared)
    assert listed("finance_facts") == sorted(facts)


def declarations_of_nothing() -> list[str]:
    """Columns that a declaration for finance names and no model has."""
    known = models()
    faults = []
    for name, model in known.items():
        wanted: dict[str, set[str]] = {name: set()}
        if model.finance is not None:
            wanted[name] |= {model.finance.key, *model.finance.grain, *model.finance.measures}
        if model.sheet is not None:
            rows = {row.format(locale="fr") for row in model.sheet.rows}
            wanted[name] |= {*rows, *model.sheet.columns, *model.sheet.formulas}
        for source in model.trace:
            wanted[name] |= {*source.keys, *source.measures, *source.rows}
            wanted.setdefault(source.fact, set()).update({*source.rule, *filter(None, [source.day])})
            if source.fact not in known:
                faults.append(source.fact)
        faults += [
            f"{table}.{column}"
            for table, columns in wanted.items()
            for column in columns
            if column not in known[table].types
        ]
    return faults


def test_declarations_for_finance_name_columns_that_exist() -> None:
    assert declarations_of_nothing() == []


DOCUMENTS = {
    "fct_commissions",
    "fct_gl_entries",
    "fct_orders",
    "fct_payments",
    "fct_receivables",
    "fct_sell_in",
    "fct_shipments",
}
"""Facts that keep what is dated after the as-of day, which no mart counts."""


def test_a_figure_of_documents_names_the_day_from_which_they_count() -> None:
    traced = [(name, source) for name, model in models().items() for source in model.trace if source.measures]
    assert {source.fact for _, source in traced} >= DOCUMENTS
    assert [
        (name, source.fact) for name, source in traced if source.fact in DOCUMENTS and not source.day
    ] == []


def test_default_thresholds_are_those_of_the_rules() -> None:
    with (PROJECT / "seeds" / "staging" / "seed_default_thresholds.csv").open(encoding="utf-8") as handle:
        seeded = {row["threshold_code"]: Decimal(row["threshold_value"]) for row in csv.DictReader(handle)}
    defaults = {name: Decimal(str(value)) for name, value in Thresholds().model_dump().items()}
    assert seeded == {name: value for name, value in defaults.items() if name in seeded}
    asked = {
        name
        for path in (PROJECT.parent / "orchestration").glob("*.py")
        for name in re.findall(r"threshold_code = '(\w+)'", path.read_text(encoding="utf-8"))
    }
    assert "reconciliation_tolerance_amount" in asked
    assert asked <= set(seeded), "a command reads a threshold that dim_thresholds does not have"
    read = {
        name
        for folder in ("models", "macros")
        for path in (PROJECT / folder).rglob("*.sql")
        for name in re.findall(r"threshold(?:\(|_code = )'(\w+)'", path.read_text(encoding="utf-8"))
    }
    assert {"overstock_ratio_rate", "rolling_ratio_months", "claim_duplicate_days"} <= read
    assert read <= set(seeded), (
        "a model reads a threshold that dim_thresholds does not have: it is NULL there"
    )


def test_thresholds_that_a_channel_may_have_of_its_own_are_read_by_channel() -> None:
    by_channel: set[str] = set()
    for path in (PROJECT / "models").rglob("*.sql"):
        sql = path.read_text(encoding="utf-8")
        if "channel_code = '*'" not in sql:
            by_channel.update(re.findall(r"\bthreshold\('(\w+)'", sql))
    assert "max_weeks_of_supply_weeks" in by_channel
    assert by_channel == set(Thresholds.model_fields) - COMPANY_WIDE


# --- each rule can fail ---


def a_model(name: str, schema: str, *reads: str, **more: Any) -> dict[str, Any]:
    return {
        "unique_id": f"model.aval.{name}",
        "resource_type": "model",
        "name": name,
        "schema": schema,
        "depends_on": {"nodes": list(reads)},
        "contract": {"enforced": False},
        "description": "",
        "columns": {},
        **more,
    }


def a_manifest(*models: dict[str, Any]) -> Manifest:
    return {
        "nodes": {model["unique_id"]: model for model in models},
        "sources": {"source.aval.landing_erp.partners": {"name": "partners"}},
        "unit_tests": {},
    }


@pytest.mark.parametrize(
    ("schema", "read"),
    [
        ("core", "source.aval.landing_erp.partners"),
        ("marts", "model.aval.stg"),
        ("marts", "model.aval.int"),
        ("staging", "model.aval.int"),
        ("core", "model.aval.mart"),
        ("intermediate", "model.aval.mart"),
    ],
)
def test_an_edge_past_the_layers_is_found(schema: str, read: str) -> None:
    broken = a_manifest(
        a_model("stg", "staging"),
        a_model("int", "intermediate"),
        a_model("mart", "marts"),
        a_model("new", schema, read),
    )
    assert len(forbidden_edges(broken)) == 1


def test_an_increment_that_takes_any_columns_is_found() -> None:
    lax = {"materialized": "incremental", "on_schema_change": "ignore"}
    broken = a_manifest(
        a_model("sales", "marts", config=lax),
        a_model("stocks", "marts", config={**lax, "on_schema_change": "fail"}),
    )
    assert increments_beside_their_contract(broken) == ["sales"]


def test_a_model_without_key_test_contract_description_name_or_unit_test_is_found() -> None:
    broken = a_manifest(a_model("sales", "marts"))
    assert models_without_key_test(broken) == ["sales"]
    assert models_without_contract(broken) == ["sales"]
    assert undescribed(broken) == ["sales"]
    assert misnamed(broken) == ["sales"]
    assert marts_without_unit_test(broken) == ["sales"]
    assert unstaged_sources(broken) == ["partners"]


def test_a_column_without_description_or_names_is_found() -> None:
    def column(name: str, description: str, **meta: str) -> dict[str, Any]:
        return {"name": name, "description": description, "config": {"meta": meta}}

    columns = {
        "a": column("a", "Meaning.", name_fr="A", name_en="A"),
        "b": column("b", "Meaning.", name_fr="B"),
        "c": column("c", " ", name_fr="C", name_en="C"),
    }
    named = {"meta": {"name_fr": "Faits", "name_en": "Facts"}}
    broken = a_manifest(
        a_model("fct_a", "core", description="Facts.", columns=columns, config=named),
        a_model("fct_b", "core", description="Facts."),
    )
    assert undescribed(broken) == ["fct_a.b", "fct_a.c", "fct_b"]


def test_a_unit_that_one_language_leaves_out_is_found() -> None:
    def column(name: str, name_fr: str, name_en: str) -> dict[str, Any]:
        return {"name": name, "config": {"meta": {"name_fr": name_fr, "name_en": name_en}}}

    columns = {
        "a": column("a", "Part échue (%)", "Overdue (%)"),
        "b": column("b", "Part échue (%)", "Overdue"),
        "c": column("c", "Délai", "Lead time (days)"),
    }
    broken = a_manifest(a_model("fct_a", "core", columns=columns))
    assert units_in_one_language(broken) == ["fct_a.b", "fct_a.c"]


def test_a_fact_that_does_not_say_where_readers_see_it_what_adds_up_is_found() -> None:
    measured = {"net_amount": {"name": "net_amount"}}
    told = "-- Grain: one row per a.\n-- Additive: net_amount.\n"
    hidden = "-- Grain: one row per b.\n--\n-- Additive: net_amount.\n"
    broken = a_manifest(
        a_model("fct_a", "core", columns=measured, raw_code=told),
        a_model("fct_b", "core", columns=measured, raw_code=hidden),
        a_model("fct_c", "core", columns={"c_code": {"name": "c_code"}}, raw_code=hidden[:24]),
    )
    assert silent_on_additivity(broken) == ["fct_b"]


def test_a_reason_that_no_comment_names_is_found() -> None:
    sql = """
        select
            case when a is null then 'a_unknown' when b = 'x' then coalesce(c, 'other') end as reason_code,
            case when a > 1 then case when b > 1 then 'good' else 'fair' end end as a_status_code
    """
    columns = {
        "reason_code": {"name": "reason_code", "description": "a_unknown: nobody knows a; another."},
        "a_status_code": {"name": "a_status_code", "description": "good or fair."},
    }
    broken = a_manifest(a_model("mart_a", "marts", columns=columns, raw_code=sql))
    assert codes_without_meaning(broken) == ["mart_a.reason_code: other"]


def test_a_missing_twin_or_grain_is_found(tmp_path: Path) -> None:
    (tmp_path / "fct_a.sql").write_text("-- Grain: one row per a.\nselect 1\n")
    (tmp_path / "fct_b.sql").write_text("select 1\n")
    (tmp_path / "fct_b.yml").write_text("models: []\n")
    (tmp_path / "fct_c.yml").write_text("models: []\n")
    assert files_without_twin(tmp_path) == ["fct_a", "fct_c"]
    assert files_without_grain(tmp_path) == ["fct_b.sql"]


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("select a::date from b", "a cast by ::"),
        ('select "a" from b', "a quoted identifier"),
        ("select cast(a as text) from b", "the type text"),
        ("select cast(a as varchar) from b", "a bare varchar"),
        ("select cast(a as double precision) from b", "double precision"),
        ("select a from b inner join c on b.d < c.e or c.e is null", "a range by `or … is null`"),
        ("select a from b group by 1", "group by position"),
        ("select distinct a from b", "select distinct"),
        ("select strftime(a, 'x') from b", "a date function of one engine"),
        ("select a / b from c", "division outside the macro"),
        ("select sum(a) / nullif(b, 0) from c", "division outside the macro"),
        ("select a from b\norder by a", "an order without `nulls last`"),
    ],
)
def test_a_construct_of_one_engine_is_found(sql: str, fault: str) -> None:
    assert forbidden_constructs(sql) == [fault]


def test_comments_texts_and_macros_are_no_constructs() -> None:
    sql = "-- a::b\nselect '::', {{ divide('a / b', 'c') }} from d\norder by a nulls last, b nulls last\n"
    assert forbidden_constructs(sql) == []
