"""A process that has imported all that a run imports, and forks for each command that it is asked for.

Importing takes a third of a small run, and the tests start dozens of them. What runs is a process of its own
as a user's, with the same environment, output and exit code; it only begins where imports are done.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from expectations.deferred import imported_later

IMPORTED: Final = (
    "connectors.erp.pull",
    "connectors.feeds.intake.run",
    "dbt.cli.main",
    "expectations.core",
    "expectations.duckdb_engine",
    "expectations.landing",
    "expectations.marts",
    "expectations.validate",
    "orchestration.cli",
    "orchestration.definitions",
)
_SIZE_BYTES: Final = 4
_CODE_BYTES: Final = 8


class Prepared:
    """The process, and the one line to it; one command at a time. It ends with the process that made it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.prepared", str(theirs.fileno())],
                cwd=folder,
                env=environment,
                pass_fds=[theirs.fileno()],
            )

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `aval` with these arguments in this environment."""
        with TemporaryFile("w+", encoding="utf-8") as output, TemporaryFile("w+", encoding="utf-8") as errors:
            message = json.dumps([list(arguments), dict(environment)]).encode()
            self._line.settimeout(timeout)
            size = len(message).to_bytes(_SIZE_BYTES, "big")
            socket.send_fds(self._line, [size], [output.fileno(), errors.fileno()])
            self._line.sendall(message)
            code = int(self._line.recv(_CODE_BYTES) or b"-1")
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(["aval", *arguments], code, output.read(), errors.read())


def _serve(line: socket.socket) -> None:
    with imported_later("altair", "scipy.stats"):
        for name in IMPORTED:
            importlib.import_module(name)
    if threading.active_count() > 1:
        sys.exit("an import has started a thread, and a forked process has none of it")
    known = dict(os.environ)
    while True:
        size, files, _, _ = socket.recv_fds(line, _SIZE_BYTES, 2)
        if not size:
            return
        message = line.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        arguments, environment = json.loads(message)
        child = os.fork()
        if child == 0:
            os._exit(_become(arguments, {**known, **environment}, files))
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(arguments: list[str], environment: dict[str, str], files: list[int]) -> int:
    """Be the command line; returns its exit code. Threads that libraries have begun in the process before the
    fork are not there to be ended, so that the process must not end as Python ends it.
    """
    from orchestration.cli import app

    for stream, file in enumerate(files, start=1):
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["aval", *arguments]
    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
