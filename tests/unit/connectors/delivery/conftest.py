"""Real servers, each from a package and started by the test: SFTP, S3, HTTPS and IMAP."""

from __future__ import annotations

import asyncio
import functools
import http.server
import imaplib
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import s3fs
import trustme

from connectors.company import Company, CompanyIdentity, Erp, Inbox
from connectors.delivery.collect import Look, collect
from connectors.ledger import Ledger

_KEYS = {"key": "access", "secret": "secret"}
NOW = datetime(2026, 7, 6, 6, 0, tzinfo=UTC)


@dataclass
class House:
    """A company with an inbox and a ledger, and nothing else."""

    folder: Path
    deliveries: dict[str, Any] = field(default_factory=dict)

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    @property
    def company(self) -> Company:
        return Company(
            company=CompanyIdentity(code="test", name="Test"),
            erp=Erp(kind="tryton", url="sqlite://"),
            inbox=Inbox(path=self.inbox),
            deliveries=self.deliveries,
        )

    def collect(self, now: datetime | None = None, pause: float = 0.01) -> tuple[Look, ...]:
        with Ledger(self.folder / "ledger.sqlite") as ledger:
            return collect(self.company, ledger, now=now or datetime.now(UTC), pause=pause)

    def files(self) -> dict[str, bytes]:
        """Every file of the inbox, hidden ones too."""
        return {
            path.relative_to(self.inbox).as_posix(): path.read_bytes()
            for path in sorted(self.inbox.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "house")
    made.inbox.mkdir(parents=True)
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError("the server does not answer")
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def process(arguments: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder)
    try:
        wait_until(lambda: server.poll() is not None or answers(port))
        assert server.poll() is None, (folder / "server.log").read_text()
        yield
    finally:
        server.kill()
        server.wait()


# --- SFTP ---


@dataclass(frozen=True)
class Sftp:
    port: int
    root: Path
    known_hosts: Path
    key: Path


class _Users(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("d07", "open sesame")


class _Files(asyncssh.SFTPServer):
    """The protocol and no more: many servers know no rename that overwrites, and have no shell."""

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("no posix-rename")


@pytest.fixture(scope="session")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    base = tmp_path_factory.mktemp("sftp")
    root = base / "root"
    root.mkdir()
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    (base / "id").write_bytes(client_key.export_private_key())
    (base / "authorized").write_bytes(client_key.export_public_key())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=_Users,
            server_host_keys=[host_key],
            authorized_client_keys=str(base / "authorized"),
            sftp_factory=lambda channel: _Files(channel, chroot=str(root).encode()),
        )

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    port = server.get_port()
    public = host_key.export_public_key().decode().strip()
    (base / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    yield Sftp(port, root, base / "known_hosts", base / "id")
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


# --- S3 ---


@dataclass(frozen=True)
class Store:
    url: str
    files: s3fs.S3FileSystem


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    base = tmp_path_factory.mktemp("s3")
    (base / "data").mkdir()
    identity = {
        "name": "aval",
        "credentials": [{"accessKey": "access", "secretKey": "secret"}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (base / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    grpc = {f"{name}.grpc": free_port() for name in ports}
    arguments = [f"-{name}.port={port}" for name, port in ports.items()]
    arguments += [f"-{name.partition('.')[0]}.port.grpc={port}" for name, port in grpc.items()]
    weed = str(Path(sys.executable).with_name("weed"))
    command = [
        weed,
        "server",
        f"-dir={base / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        f"-s3.config={base / 's3.json'}",
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
        *arguments,
    ]
    with process(command, ports["s3"], base):
        url = f"http://127.0.0.1:{ports['s3']}"
        files = s3fs.S3FileSystem(
            **_KEYS,
            endpoint_url=url,
            client_kwargs={"region_name": "us-east-1"},
            use_listings_cache=False,
        )

        def is_ready() -> bool:
            # The gate opens before there is a volume to write to.
            try:
                files.pipe("reports/ready", b"yes")
            except OSError:
                return False
            return True

        wait_until(lambda: _makes(files))
        wait_until(is_ready)
        files.rm("reports/ready")
        yield Store(url, files)


def _makes(files: s3fs.S3FileSystem) -> bool:
    try:
        files.mkdir("reports")
    except OSError:
        return False
    return True


# --- HTTPS ---


@dataclass
class Site:
    """What the web server answers: path -> (status, headers, body)."""

    port: int
    ca_file: Path
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}{path}"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, path


@pytest.fixture
def site(authority: tuple[trustme.CA, Path]) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("localhost").configure_cert(context)
    site = Site(0, authority[1])

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = self.path.partition("?")[0]
            site.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            status, headers, body = site.pages.get(path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_GET = do_HEAD = answer  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    site.port = server.server_address[1]
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.05), daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()


# --- IMAP ---


@dataclass(frozen=True)
class Post:
    port: int
    ca_file: Path

    def connect(self) -> imaplib.IMAP4:
        imap = imaplib.IMAP4("localhost", self.port)
        imap.starttls(ssl.create_default_context(cafile=str(self.ca_file)))
        imap.login("reports", "open sesame")
        return imap

    def put(self, mail: bytes) -> None:
        imap = self.connect()
        imap.append("INBOX", "", imaplib.Time2Internaldate(NOW), mail)
        imap.logout()

    def flags(self, mailbox: str = "INBOX") -> list[bytes]:
        """One entry per mail of a mailbox."""
        imap = self.connect()
        imap.select(mailbox, readonly=True)
        answer = imap.fetch("1:*", "(FLAGS)")[1]
        imap.logout()
        return [line for line in answer if isinstance(line, bytes)]


@pytest.fixture
def post(authority: tuple[trustme.CA, Path], tmp_path: Path) -> Iterator[Post]:
    certificate = authority[0].issue_cert("localhost")
    certificate.private_key_pem.write_to_path(str(tmp_path / "mail.key"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "mail.pem"))
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("pymap")),
        "--host=localhost",
        f"--port={port}",
        f"--cert={tmp_path / 'mail.pem'}",
        f"--key={tmp_path / 'mail.key'}",
        "dict",
        "--demo-user=reports",
        "--demo-password=open sesame",
    ]
    with process(command, port, tmp_path):
        yield Post(port, authority[1])
