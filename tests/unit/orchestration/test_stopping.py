"""What is told to end ends, and says that it was told to."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.run import _failures
from tests.unit.orchestration import books


@pytest.fixture
def in_the_background() -> Iterator[None]:
    """As a shell without job control starts what ends with `&`: Ctrl-C is ignored."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("in_the_background")
def test_dagster_s_page_has_its_port_for_itself_and_can_be_ended_when_started_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster takes SIGTERM as it takes Ctrl-C, and so would ignore both; it inherits what is ignored."""
    books.company(tmp_path)
    handlers: list[Any] = []
    monkeypatch.setattr("orchestration.dbt.prepare_manifest", lambda _: None)
    monkeypatch.setattr(os, "execve", lambda *_: handlers.append(signal.getsignal(signal.SIGINT)))
    monkeypatch.chdir(tmp_path)
    folders = ["--company", str(tmp_path / "company"), "--data", str(tmp_path / "data")]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = CliRunner().invoke(app, ["dev", *folders, "--port", port])
        assert (refused.exit_code, handlers) == (2, [])
        assert "the page cannot be served: Address already in use" in refused.stderr
    result = CliRunner().invoke(app, ["dev", *folders, "--port", port])
    assert result.exit_code == 0, result.output
    assert handlers == [signal.SIG_DFL]


def test_a_step_that_was_told_to_end_says_so() -> None:
    @dg.op
    def build() -> None:
        raise dg.DagsterExecutionInterruptedError

    @dg.job
    def daily() -> None:
        build()

    with dg.DagsterInstance.ephemeral() as instance:
        result = daily.execute_in_process(instance=instance, raise_on_error=False)
        (failure,) = _failures(result)
    assert failure.step == "build"
    assert failure.reason == "the run was told to end (SIGTERM or Ctrl-C) -> start it again when you like"
