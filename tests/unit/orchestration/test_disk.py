"""What the disk refuses is told with what to do; who stops reading the log does not stop the run."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from pathlib import Path
from typing import TextIO

import pytest

from orchestration.cli_shared import console
from orchestration.console import Lines
from orchestration.disk import fault_of_disk, with_remedy


def nobody_reads() -> TextIO:
    """The writing end of a pipe whose reader has gone, as of `aval run | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", buffering=1)


def forget(pipe: TextIO) -> None:
    """Let what could not be written go nowhere, so that closing the pipe does not try it again."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), pipe.fileno())


@pytest.mark.parametrize(
    ("message", "what_to_do"),
    [
        (
            "PermissionError: [Errno 13] Permission denied: '/data/published/.a.part'",
            "let this account read and write there",
        ),
        ("OSError: [Errno 28] No space left on device", "free space there"),
        ("sqlite3.OperationalError: attempt to write a readonly database", "let this account read and write"),
        ("sqlite3.OperationalError: database or disk is full", "free space there"),
        ('IOException: IO Error: Cannot open file "/data/w.wal": Read-only file system', "mount the disk"),
    ],
)
def test_a_step_that_the_disk_refuses_says_what_to_do(message: str, what_to_do: str) -> None:
    assert with_remedy(message).startswith(f"{message} -> {what_to_do}")


def test_other_errors_of_a_step_stand_as_they_are() -> None:
    assert with_remedy("KeyError: 'x'") == "KeyError: 'x'"


def test_a_fault_of_the_disk_is_found_behind_other_errors(tmp_path: Path) -> None:
    outer = RuntimeError("a step failed")
    outer.__cause__ = OSError(errno.ENOSPC, "full", str(tmp_path))
    assert f"{tmp_path}: No space left on device -> free space there" in str(fault_of_disk(outer))
    assert fault_of_disk(ValueError("x")) is None
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(NotADirectoryError) as no_folder:
        (file / "landing").mkdir()
    assert f"{file}/landing: Not a directory -> a file stands where" in str(fault_of_disk(no_folder.value))
    with pytest.raises(sqlite3.OperationalError) as unopened:
        sqlite3.connect(tmp_path / "no folder" / "ledger.sqlite")
    assert "Permission denied" in str(fault_of_disk(unopened.value))
    unwritten = sqlite3.OperationalError("disk I/O error")
    unwritten.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    assert "see whether the disk is full or failing" in str(fault_of_disk(unwritten))


def test_a_run_goes_on_when_nobody_reads_its_log_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody_reads() as pipe:
        monkeypatch.setattr(sys, "stderr", pipe)
        lines = Lines()
        for text in ("one", "two"):
            lines.said(text)
        monkeypatch.undo()
        forget(pipe)


@pytest.mark.parametrize("of_errors", [False, True])
def test_a_command_ends_with_its_own_exit_code_when_nobody_reads_its_answer(
    monkeypatch: pytest.MonkeyPatch, of_errors: bool
) -> None:
    with nobody_reads() as pipe:
        monkeypatch.setattr(sys, "stderr" if of_errors else "stdout", pipe)
        shown = console(stderr=of_errors)
        for text in ("one", "two"):
            shown.print(text)
        monkeypatch.undo()
        forget(pipe)
