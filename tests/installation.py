"""An installation of Aval as a user has it: a company directory, a data directory, and the command line.

What belongs here: what tests of several kinds need to start Aval. What does not: fixtures (`conftest.py`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.prepared import Prepared

ROOT = Path(__file__).resolve().parent.parent


def environment(data: Path, **changes: str) -> dict[str, str]:
    """The environment of a process that runs Aval on `data`, free of the caller's own settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AVAL_", "DAGSTER_"))
    }
    return {**inherited, "AVAL_DATA": str(data), "COLUMNS": "200", **changes}


def run_aval(*arguments: str, data: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, of which the imports are done already."""
    return _prepared().run(arguments, environment(data, **changes), timeout=900)


@cache
def _prepared() -> Prepared:
    return Prepared(ROOT, environment(ROOT))


def start_aval(*arguments: str, data: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Start the command line as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=ROOT,
        env=environment(data, **changes),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def bring_parsed(manifest_data: Path, data: Path) -> None:
    """Give a new data directory the dbt project as it was parsed there, which its first run would parse anew.

    Of another currency or version it does not hold, and is parsed all the same.
    """
    shutil.copytree(manifest_data / "state" / "dbt", data / "state" / "dbt")


@contextmanager
def only_once(path: Path) -> Iterator[bool]:
    """Yield whether the caller is the first of all workers to make `path`; the others wait for it."""
    done = path.with_name(path.name + ".done")
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            yield False
        else:
            yield True
            done.touch()


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of one session see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
