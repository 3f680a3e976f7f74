"""What tests of several kinds share: the sample company, built once for all workers of a session.

What does not belong here: fixtures of one subject, and starting Aval (`tests.installation`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.installation import bring_parsed, only_once, shared_folder, start_aval


@pytest.fixture(scope="session")
def built_demo(tmp_path_factory: pytest.TempPathFactory, manifest_data: Path) -> Path:
    """The data directory of the sample company after one `aval demo`. Read only: copy it to change it."""
    data = shared_folder(tmp_path_factory) / "built_demo"
    with only_once(data) as is_first:
        if is_first:
            bring_parsed(manifest_data, data)
            result = start_aval("demo", data=data)
            assert result.returncode == 0, result.stdout + result.stderr
            (data / "summary.txt").write_text(result.stdout)
    return data


@pytest.fixture
def demo_copy(built_demo: Path, tmp_path: Path) -> Path:
    """A copy of `built_demo` that a test may change."""
    return Path(shutil.copytree(built_demo, tmp_path / "data", symlinks=True))


@pytest.fixture(scope="session")
def manifest_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that holds nothing but the prepared manifest of the dbt project."""
    from orchestration.dbt import prepare_manifest
    from orchestration.settings import SAMPLE_COMPANY, load_settings

    data = shared_folder(tmp_path_factory) / "manifest_data"
    with only_once(data) as is_first:
        if is_first:
            prepare_manifest(load_settings(SAMPLE_COMPANY, data))
    return data
