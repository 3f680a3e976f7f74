"""The run lock: one writer, freed by the death of its holder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connectors.errors import BusyError
from orchestration.lock import is_locked, run_lock

HOLDER = """
import sys, time
from pathlib import Path
from orchestration.lock import run_lock
with run_lock(Path(sys.argv[1]), "the other run"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=f"the other run, process {holder.pid}"), run_lock(tmp_path, "me"):
            pass
        assert "the other run" in (is_locked(tmp_path) or "")
        holder.kill()
    # Nobody has to clean up after a killed run, and of what it left nothing is said any more.
    with run_lock(tmp_path, "me"):
        assert (is_locked(tmp_path) or "").startswith("me, process ")
    assert is_locked(tmp_path) is None


def test_a_process_may_take_its_own_lock_again(tmp_path: Path) -> None:
    with run_lock(tmp_path, "outer"):
        with run_lock(tmp_path, "inner"):
            pass
        assert is_locked(tmp_path) is not None
    assert is_locked(tmp_path) is None
