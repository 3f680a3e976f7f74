"""What a run says while it runs: plain lines for a scheduler's log, or a progress bar for a person.

The steps speak by `say` (kept in Dagster's history too) and `progress` (shown only). Dagster's own events
move the bar; the rest of its log stays in its history. What does not belong here: the summary at the end
(`orchestration.summary`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import dagster as dg

STEPS: Final = 13
"""Steps of the job `daily`, for the length of the bar; a test holds it to the real graph."""


class Listener(Protocol):
    """Hears what runs of this process say."""

    def said(self, text: str) -> None: ...

    def going_on(self, text: str) -> None: ...

    def step(self, event: dg.DagsterEvent) -> None: ...


class Lines:
    """What is said as plain lines with the time, for a log."""

    def __init__(self) -> None:
        self._is_read = True

    def said(self, text: str) -> None:
        if not self._is_read:
            return
        try:
            sys.stderr.write(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {text}\n")
        except BrokenPipeError:
            # Whoever read the log went away (`aval run 2>&1 | head`); Dagster keeps what is said.
            self._is_read = False

    def going_on(self, text: str) -> None:
        pass

    def step(self, event: dg.DagsterEvent) -> None:
        pass


class Steps:
    """How far a run is: steps ended, and what is going on now."""

    def __init__(self, show: Callable[[int, str], None], say: Callable[[str], None]) -> None:
        self._show = show
        self._say = say
        self._done = 0

    def said(self, text: str) -> None:
        self._say(text)

    def going_on(self, text: str) -> None:
        self._show(self._done, text)

    def step(self, event: dg.DagsterEvent) -> None:
        if event.is_step_success or event.is_step_skipped or event.is_step_failure:
            self._done += 1
        if event.is_step_start or event.is_step_success:
            self._show(self._done, event.step_key or "")


_listeners: list[Listener] = []


def listen(listener: Listener) -> Callable[[], None]:
    """Hear what runs of this process say; returns the way to stop."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def say(log: dg.DagsterLogManager, text: str) -> None:
    """Say something to whoever started the run, and keep it in Dagster's history."""
    log.info(text)
    for listener in _listeners:
        listener.said(text)


def progress(text: str) -> None:
    """What is going on just now. Not kept: a line for each of thousands of files would fill the history."""
    for listener in _listeners:
        listener.going_on(text)


class _Events(logging.Handler):
    """Hands Dagster's events to the listeners."""

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is not None:
            for listener in _listeners:
                listener.step(event)


def _console(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("aval", level=logging.DEBUG)
    logger.addHandler(_Events())
    return logger


console = dg.logger(_console, description="Hands events to the command line's progress bar.")
