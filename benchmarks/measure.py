"""Runs one command; says how long it took and how much memory its processes held at the worst moment."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL_SECONDS = 0.05


@dataclass(frozen=True)
class Cost:
    """Wall-clock and processor seconds, and the peak resident memory of the process and its children."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    output: str

    @property
    def peak_gib(self) -> float:
        return self.peak_bytes / 1024**3


class CommandFailed(RuntimeError):
    """A measured command did not end well; a benchmark of it would mean nothing."""


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Cost:
    """Run `command` to its end and measure it; CommandFailed unless it exits with 0."""
    start, used = time.perf_counter(), _used_by_children()
    process = subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - start
    watcher.join()
    if process.returncode != 0:
        shown = " ".join(str(part) for part in command)
        raise CommandFailed(f"{shown} ended with {process.returncode}:\n{output[-4000:]}")
    cost = Cost(seconds, _used_by_children() - used, peak[0], output)
    print(
        f"   {cost.seconds:.1f} s, {cost.processor_seconds:.1f} s of processor, {cost.peak_gib:.2f} GiB",
        flush=True,
    )
    return cost


def _used_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _watch(pid: int, peak: list[int]) -> None:
    try:
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            peak[0] = max(peak[0], _resident([root, *root.children(recursive=True)]))
            time.sleep(INTERVAL_SECONDS)
    except psutil.NoSuchProcess:
        return


def _resident(processes: Sequence[psutil.Process]) -> int:
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
