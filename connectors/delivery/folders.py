"""Folders of files: of this machine, of an SFTP server, of an S3-compatible store, all through fsspec.

Links are never followed: whoever may write into a drop folder could otherwise read any file of the server
as a report of its own.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Final

from fsspec.asyn import sync
from fsspec.utils import glob_translate

from connectors.company import LocalDelivery, S3Delivery, SftpDelivery
from connectors.delivery.source import CHUNK, Content, Item, names_like
from connectors.errors import ConfigError, SourceError

_DEPTH: Final = 16


class FolderSource:
    """A folder of any fsspec file system."""

    def __init__(
        self,
        connect: Callable[[], Any],
        root: str,
        settings: LocalDelivery | SftpDelivery | S3Delivery,
        *,
        passing: tuple[type[Exception], ...] = (),
        lasting: tuple[type[Exception], ...] = (),
    ) -> None:
        self._connect = connect
        self._root = root.rstrip("/")
        self._settings = settings
        self._moved_to = (settings.move_to or "").strip("/")
        self._globs = [re.compile(glob_translate(glob), re.IGNORECASE) for glob in settings.files]
        self._is_deep = any("/" in glob for glob in settings.files)
        self.passing: tuple[type[Exception], ...] = (OSError, *passing)
        self.lasting: tuple[type[Exception], ...] = (PermissionError, FileNotFoundError, *lasting)

    @cached_property
    def _files(self) -> Any:
        return self._connect()

    def items(self) -> Iterator[Item]:
        found = [self._item(entry, name) for entry, name in self._walk(self._root, "", 0)]
        yield from sorted(
            found, key=lambda item: (item.modified_at or datetime.max.replace(tzinfo=UTC), item.name)
        )

    def _walk(self, folder: str, above: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
        for entry in self._listed(folder or "/"):
            # A store lists a folder's own marker among its objects.
            if entry["name"].rstrip("/") == folder or entry.get("islink"):
                continue
            name = posixpath.join(above, posixpath.basename(entry["name"].rstrip("/")))
            if name == self._moved_to:
                continue
            if entry["type"] == "directory":
                if self._is_deep and depth < _DEPTH:
                    yield from self._walk(entry["name"].rstrip("/"), name, depth + 1)
            elif entry["type"] == "file" and any(glob.fullmatch(name) for glob in self._globs):
                yield entry, name

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        settings = self._settings
        try:
            return list(self._files.ls(folder, detail=True))
        except FileNotFoundError as error:
            # A store has no empty folders: after the last file is deleted there is none.
            is_emptied = isinstance(settings, S3Delivery) and settings.then == "delete"
            if is_emptied and self._files.exists(folder.partition("/")[0]):
                return []
            raise FileNotFoundError(f"there is no folder {folder}") from error

    def _item(self, entry: dict[str, Any], name: str) -> Item:
        modified = entry.get("LastModified") or entry.get("mtime")
        if isinstance(modified, float | int):
            modified = datetime.fromtimestamp(modified, UTC)
        mark = entry.get("ETag") or (f"{modified.timestamp():.6f}" if modified else "")
        return Item(
            name,
            f"{entry['size']}:{mark}",
            modified,
            entry["size"],
            is_whole=isinstance(self._settings, S3Delivery),
        )

    def contents(self, item: Item) -> Iterator[Content]:
        with self._files.open(self._path(item.name), "rb", block_size=CHUNK) as handle:
            yield Content(item.name, iter(lambda: handle.read(CHUNK), b""))

    def stamp(self, item: Item) -> str:
        self._files.invalidate_cache()
        return self._item(self._files.info(self._path(item.name)), item.name).stamp

    def finish(self, item: Item) -> None:
        if self._settings.then == "delete":
            self._files.rm_file(self._path(item.name))
        elif self._moved_to:
            wanted = self._path(f"{self._moved_to}/{item.name}")
            target = next(name for name in names_like(wanted) if not self._files.exists(name))
            self._files.makedirs(posixpath.dirname(target), exist_ok=True)
            self._move(self._path(item.name), target)

    def _move(self, path: str, target: str) -> None:
        self._files.mv(path, target)

    def close(self) -> None:
        """fsspec closes the connection with its last reference."""
        self.__dict__.pop("_files", None)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


class _SftpSource(FolderSource):
    """A folder of an SFTP server."""

    def _move(self, path: str, target: str) -> None:
        """Rename, which every server can. sshfs asks for a rename that overwrites; where a server knows none,
        it copies by a shell, and deletes the original also if there is no shell.
        """

        async def rename() -> None:
            async with self._files.client.start_sftp_client() as client:
                await client.rename(path, target)

        sync(self._files.loop, rename)


def open_local(settings: LocalDelivery) -> FolderSource:
    """A folder that this machine sees."""
    import fsspec

    return FolderSource(partial(fsspec.filesystem, "file"), str(settings.path), settings)


def open_sftp(settings: SftpDelivery) -> FolderSource:
    """A folder of an SFTP server whose host key is known."""
    try:
        import asyncssh
        from sshfs import SSHFileSystem
    except ImportError as error:
        raise missing_extra("sftp") from error
    if not settings.known_hosts.is_file():
        raise ConfigError(
            "missing_file",
            f"the file of known hosts {settings.known_hosts} does not exist",
            f"write the server's host key to it (ssh-keyscan -p {settings.port} {settings.host}) once its "
            "fingerprint is compared with the one that the partner names",
        )
    keys = None
    if settings.key is not None:
        passphrase = settings.key_passphrase.reveal() if settings.key_passphrase else None
        try:
            keys = [asyncssh.import_private_key(settings.key.reveal(), passphrase)]
        except asyncssh.KeyImportError as error:
            raise ConfigError(
                "invalid_secret", "'key' holds no private key that can be read", "use OpenSSH's format"
            ) from error
    # An instance of fsspec is otherwise shared by all with equal arguments, and its connection with it.
    open_server = partial(
        SSHFileSystem,
        settings.host,
        port=settings.port,
        username=settings.user,
        password=settings.password.reveal() if settings.password else None,
        client_keys=keys,
        known_hosts=str(settings.known_hosts),
        # Names that are no UTF-8 come through, to be refused each by itself.
        sftp_client_kwargs={"path_errors": "surrogateescape"},
        config=None,
        agent_path=None,
        connect_timeout=settings.timeout_seconds,
        login_timeout=settings.timeout_seconds,
        keepalive_interval=settings.timeout_seconds,
        skip_instance_cache=True,
    )

    def connect() -> Any:
        try:
            return open_server()
        except asyncssh.HostKeyNotVerifiable as error:
            raise SourceError(
                "unknown_host_key",
                f"sftp: {error}: its key does not stand in {settings.known_hosts.name}, or another one does",
                "ask the partner whether the key was changed, and compare fingerprints before you enter it: "
                "somebody may answer in the server's place",
            ) from error

    return _SftpSource(
        connect,
        settings.folder,
        settings,
        passing=(asyncssh.Error,),
        lasting=(asyncssh.PermissionDenied, asyncssh.SFTPPermissionDenied),
    )


def open_s3(settings: S3Delivery) -> FolderSource:
    """A prefix of a bucket."""
    try:
        import aiohttp
        import botocore.exceptions
        from s3fs import S3FileSystem
    except ImportError as error:
        raise missing_extra("s3") from error
    connect = partial(
        S3FileSystem,
        key=settings.access_key.reveal() if settings.access_key else None,
        secret=settings.secret_key.reveal() if settings.secret_key else None,
        endpoint_url=settings.endpoint_url,
        client_kwargs={
            "region_name": settings.region,
            "verify": str(settings.ca_file) if settings.ca_file else None,
        },
        config_kwargs={
            "connect_timeout": settings.timeout_seconds,
            "read_timeout": settings.timeout_seconds,
            "retries": {"total_max_attempts": 1},
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    root = f"{settings.bucket}/{settings.prefix.strip('/')}"
    # An answer that breaks off within a file comes as an error of aiohttp itself.
    passing = (botocore.exceptions.BotoCoreError, aiohttp.ClientError)
    return FolderSource(connect, root, settings, passing=passing)


def missing_extra(extra: str) -> ConfigError:
    """The error of a delivery whose library is not installed."""
    return ConfigError(
        "missing_extra",
        f"deliveries of kind {extra} need a library that is not installed",
        f"in the checkout: make install, or pip install -e '.[{extra}]' in an environment of your own",
    )
