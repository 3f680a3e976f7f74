"""The house's import rules hold, and each of them can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

STAGES = ("landing", "warehouse", "publish")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--config", "pyproject.toml", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def _house(folder: Path) -> Path:
    """The same contracts over packages that hold nothing yet."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    packages = ["connectors", "dashboards", "expectations", "orchestration", "orchestration/defs"]
    packages += [f"orchestration/defs/{stage}" for stage in STAGES]
    for package in packages:
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    return folder


def test_the_house_keeps_its_import_rules() -> None:
    result = _lint(ROOT)

    assert result.returncode == 0, result.stdout


def test_an_empty_house_breaks_no_rule(tmp_path: Path) -> None:
    assert _lint(_house(tmp_path)).returncode == 0


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("connectors/a.py", "orchestration"),
        ("connectors/a.py", "dagster"),
        ("connectors/a.py", "great_expectations"),
        ("connectors/a.py", "dbt"),
        ("orchestration/a.py", "dashboards"),
        ("orchestration/a.py", "streamlit"),
        ("dashboards/a.py", "orchestration.defs"),
        ("dashboards/a.py", "dagster"),
        ("expectations/a.py", "connectors"),
        ("expectations/a.py", "dagster"),
        ("orchestration/defs/publish/a.py", "orchestration.defs.warehouse"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, module: str, imported: str) -> None:
    house = _house(tmp_path)
    (house / module).write_text(f"import {imported}\n", encoding="utf-8")

    result = _lint(house)

    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout
