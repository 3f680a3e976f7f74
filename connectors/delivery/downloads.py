"""Files behind fixed HTTPS addresses."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from datetime import datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote, urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from connectors.company import HttpsDelivery, Secret
from connectors.delivery.source import CHUNK, Content, Item, RefusedItem
from connectors.errors import ConfigError

_REDIRECTS: Final = 5


class _Token(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class DownloadSource:
    """The addresses of one delivery. An item is its address without the query, which may be secret; of an
    address that is a secret, its host and where the secret stands.
    """

    passing: tuple[type[Exception], ...] = (requests.RequestException,)
    lasting: tuple[type[Exception], ...] = (requests.exceptions.SSLError, requests.exceptions.InvalidURL)

    def __init__(self, settings: HttpsDelivery) -> None:
        self._settings = settings
        self._addresses = {_shown(url): _plain(url) for url in settings.urls}
        if len(self._addresses) != len(settings.urls):
            raise ConfigError(
                "duplicate_key",
                "two addresses differ by their query only, or are one secret",
                "keep one of them",
            )
        self._session = requests.Session()
        self._trusted: str | bool = str(settings.ca_file) if settings.ca_file else True
        if settings.token is not None:
            self._session.auth = _Token(settings.token.reveal())
        elif settings.user is not None:
            self._session.auth = HTTPBasicAuth(
                settings.user, settings.password.reveal() if settings.password else ""
            )

    def items(self) -> Iterator[Item]:
        for name in self._addresses:
            yield self._look(name)

    def _look(self, name: str) -> Item:
        # Whatever is wrong is told when the file is asked for; many servers know no HEAD.
        try:
            answer = self._ask("HEAD", name)
        except (requests.RequestException, RefusedItem):
            return Item(name, "", is_whole=True)
        if not answer.ok:
            return Item(name, "", is_whole=True)
        headers = answer.headers
        etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
        length = headers.get("Content-Length", "") if "Content-Encoding" not in headers else ""
        stamp = f"{length}:{etag or modified}" if etag or modified else ""
        return Item(name, stamp, _moment(modified), int(length) if length else None, is_whole=True)

    def contents(self, item: Item) -> Iterator[Content]:
        with self._ask("GET", item.name) as answer:
            _check(answer, item.name)
            yield Content(_file_name(answer, self._addresses[item.name]), answer.iter_content(CHUNK))

    def stamp(self, item: Item) -> str:
        return self._look(item.name).stamp if item.stamp else ""

    def finish(self, item: Item) -> None:
        """A download is only read."""

    def close(self) -> None:
        self._session.close()

    def _ask(self, method: str, name: str) -> requests.Response:
        wanted: requests.PreparedRequest | None = self._session.prepare_request(
            requests.Request(method, self._addresses[name])
        )
        for _ in range(_REDIRECTS + 1):
            if wanted is None:
                break
            url = wanted.url or ""
            if not url.startswith("https://"):
                raise RefusedItem(
                    "insecure_redirect",
                    f"{name} leads to an address without TLS",
                    "ask the partner for an address that stays on HTTPS",
                )
            # The certificates are named here: those of the environment win over the session's own.
            usual = self._session.merge_environment_settings(url, {}, True, self._trusted, None)
            answer = self._session.send(
                wanted, timeout=self._settings.timeout_seconds, allow_redirects=False, **usual
            )
            if not answer.is_redirect:
                return answer
            wanted = answer.next
        raise RefusedItem("endless_redirect", f"{name} leads on and on", "check the address")


def _plain(url: str | Secret) -> str:
    text = url.reveal() if isinstance(url, Secret) else url
    if not text.startswith("https://"):
        raise ConfigError("invalid_setting", "an address does not begin with https://", "use HTTPS")
    return text


def _shown(url: str | Secret) -> str:
    if isinstance(url, Secret):
        return f"https://{urlsplit(_plain(url)).hostname}/… ({url.env or (url.file and url.file.name)})"
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _check(answer: requests.Response, name: str) -> None:
    said = f"{name} answers {answer.status_code} {answer.reason}"
    if answer.status_code >= 500 or answer.status_code == requests.codes.too_many_requests:
        raise requests.HTTPError(said)
    if not answer.ok:
        raise RefusedItem("refused_download", said, "check the address and the rights of 'user' or 'token'")


def _file_name(answer: requests.Response, url: str) -> str:
    header = Message()
    header["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    return header.get_filename() or unquote(posixpath.basename(urlsplit(url).path)) or "download"


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
