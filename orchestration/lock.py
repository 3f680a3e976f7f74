"""One writer at a time: the lock that `aval run`, Dagster's runs and `aval publish` share.

An flock on `<data>/state/run.lock`: the kernel frees it when its holder dies, so a killed run leaves
nothing to clean up. Within one process the lock may be taken again (the command line holds it while
the job that it started takes it as well).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from connectors.errors import BusyError

_held: dict[Path, int] = {}
_guard = Lock()


@contextmanager
def run_lock(state: Path, purpose: str) -> Iterator[None]:
    """Hold the company's run lock; BusyError says who has it if it is taken."""
    path = (state / "run.lock").resolve()
    with _guard:
        reentrant = path in _held
        if reentrant:
            _held[path] += 1
    if reentrant:
        try:
            yield
        finally:
            with _guard:
                _held[path] -= 1
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                "run_in_progress",
                f"another run holds the warehouse ({_holder(path)})",
                "wait until it has ended; the lock frees itself if that process dies",
            ) from error
        note = {
            "process": os.getpid(),
            "purpose": purpose,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        handle.truncate(0)
        handle.write(json.dumps(note))
        handle.flush()
        with _guard:
            _held[path] = 1
        try:
            yield
        finally:
            with _guard:
                del _held[path]


def is_locked(state: Path) -> str | None:
    """Who holds the lock just now, or None."""
    path = state / "run.lock"
    if not path.is_file():
        return None
    with path.open("r", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(path)
    return None


def _holder(path: Path) -> str:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "holder unknown"
    return f"{note['purpose']}, process {note['process']}, since {note['since']}"
