"""A company with sources: files that a test writes, and an HTTP server that answers as it is told."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest
import yaml

from connectors.company import Paths, load_company
from connectors.ledger import Batch, Ledger
from connectors.sources.intake import Outcome, Standing, held_back, standing, take_in
from connectors.sources.judging import Fault

NOW = datetime(2026, 4, 1, 6, tzinfo=UTC)


class Site:
    """One company; every intake is a day later than the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = Paths(folder, folder / "data")
        self.now = NOW

    def connect(self, **sources: dict[str, Any]) -> None:
        """Write company.yml with these sources."""
        settings = {
            "company": {"code": "mini", "name": "Mini"},
            "erp": {"kind": "tryton", "url": "sqlite://"},
            "inbox": {"path": "inbox"},
            "sources": sources,
        }
        (self.folder / "company.yml").write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")

    def write(self, name: str, content: str, encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.write_text(content, encoding)
        return path

    def take_in(self) -> dict[str, Outcome]:
        self.now += timedelta(days=1)
        with Ledger(self.paths.ledger) as ledger:
            outcomes = take_in(self.paths, load_company(self.paths), ledger, now=self.now, first_pause=0.01)
        return {outcome.entity: outcome for outcome in outcomes}

    def landed(self, entity: str, columns: str, system: str = "sources") -> list[tuple[Any, ...]]:
        """Rows of all batches in order."""
        files = f"{self.paths.landing}/{system}/{entity}/*.parquet"
        if not any((self.paths.landing / system / entity).glob("*.parquet")):
            return []
        with duckdb.connect() as connection:
            return connection.execute(
                f"select {columns} from read_parquet(?, union_by_name = true) "
                "order by _batch_id, _source_row",
                [files],
            ).fetchall()

    def batches(self, system: str = "sources") -> list[Batch]:
        with Ledger(self.paths.ledger) as ledger:
            return ledger.batches(system)

    def faults(self, entity: str) -> list[Fault]:
        with Ledger(self.paths.ledger) as ledger:
            return held_back(self.paths, ledger, entity)

    def standing(self, entity: str) -> Standing:
        with Ledger(self.paths.ledger) as ledger:
            return standing(ledger, entity)

    def files(self) -> dict[str, bytes]:
        """Everything landed, for 'nothing has changed'."""
        return {
            str(path.relative_to(self.paths.landing)): path.read_bytes()
            for path in self.paths.landing.rglob("*.parquet")
        }


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("AVAL_PSEUDONYM_KEY", "a key of tests")
    return Site(tmp_path)


@dataclass
class Api:
    """A server of pages: `rows` are cut into pages of two. `fails` says at which pages it answers 503."""

    url: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    fails: set[int] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[dict[str, str]], Any] | None = None
    token: str = ""


@pytest.fixture
def api() -> Iterator[Api]:
    """An HTTP server on this machine, ended with the test."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            served.asked.append(asked)
            served.headers.append(dict(self.headers))
            if served.token and self.headers["Authorization"] != f"Bearer {served.token}":
                self.send_error(401)
                return
            page = int(asked.get("page", "1"))
            if page in served.fails:
                self.send_error(503)
                return
            content = served.answer(asked) if served.answer else _page(asked, page)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def _page(asked: dict[str, str], page: int) -> dict[str, Any]:
        since = asked.get("since", "")
        rows = [row for row in served.rows if row["changed"] >= since]
        return {"data": {"items": rows[2 * page - 2 : 2 * page]}}

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Api(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()
