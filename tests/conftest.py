"""What tests of several kinds share: the sample company, built once for all workers of a session.

What does not belong here: fixtures of one subject.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
Aval = Callable[..., "subprocess.CompletedProcess[str]"]


def run_aval(*arguments: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start the command line as a user does, in a process of its own."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AVAL_", "DAGSTER_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=ROOT,
        env={**inherited, "AVAL_DATA": str(data), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@pytest.fixture(scope="session")
def aval() -> Aval:
    """The command line, started in a process of its own."""
    return run_aval


@contextmanager
def _only_once(path: Path) -> Iterator[bool]:
    """Yield whether the caller is the first of all workers to make `path`; the others wait for it."""
    done = path.with_name(path.name + ".done")
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            yield False
        else:
            yield True
            done.touch()


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of one session see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def built_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of the sample company after one `aval demo`. Read only: copy it to change it."""
    data = _shared(tmp_path_factory) / "built_demo"
    with _only_once(data) as is_first:
        if is_first:
            result = run_aval("demo", data=data)
            (data / "summary.txt").write_text(result.stdout)
            assert result.returncode == 0, result.stdout + result.stderr
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

    data = _shared(tmp_path_factory) / "manifest_data"
    with _only_once(data):
        prepare_manifest(load_settings(SAMPLE_COMPANY, data))
    return data
