"""docs/coverage.md names only what there is: models, columns, alert rules, commands, rule files, pages."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import yaml
from typer.main import get_command

from orchestration.cli import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([^`]+)`", TEXT))


def _columns() -> dict[str, set[str]]:
    """Columns of each public model, by its yml."""
    found = {}
    for layer in ("core", "marts"):
        for path in (ROOT / "dbt_project" / "models" / layer).glob("*.yml"):
            for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
                found[model["name"]] = {column["name"] for column in model["columns"]}
    return found


def test_models_and_columns_exist() -> None:
    columns = _columns()
    models = {name for name in NAMED if re.fullmatch(r"(mart|fct|dim)_\w+(\.\w+)?", name)}
    assert len(models) > 60
    for name in sorted(models):
        model, _, column = name.partition(".")
        assert model in columns, name
        assert not column or column in columns[model], name


def test_alert_rules_exist() -> None:
    with (ROOT / "dbt_project" / "seeds" / "staging" / "seed_alert_rules.csv").open(encoding="utf-8") as file:
        rules = {row["rule_code"] for row in csv.DictReader(file)}
    named = {name for name in NAMED if re.fullmatch(r"[a-z]+_[a-z_]+|overstock", name)}
    named -= {name for name in named if name.startswith(("mart_", "fct_", "dim_"))}
    assert len(named) >= 10
    assert named <= rules


def test_commands_exist() -> None:
    commands = get_command(app)
    named = {name for name in NAMED if name.startswith("aval ")}
    assert named
    for name in sorted(named):
        command = commands
        for word in name.split()[1:]:
            command = command.commands[word]  # type: ignore[attr-defined]


def test_rule_files_and_pages_exist() -> None:
    files = {name for name in NAMED if name.startswith("rules/")}
    assert files
    for name in files:
        assert (ROOT / "examples" / "demo" / name).is_file(), name
    for page in set(re.findall(r"\]\(([a-z-]+\.md)\)", TEXT)):
        assert (ROOT / "docs" / page).is_file(), page
