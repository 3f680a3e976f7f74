"""Sources that answer by REST: pages of JSON, fetched by the client of dlt's `rest_api`.

dlt brings paging, authentication, and further attempts with growing pauses while the source does not answer.
Its state and its guesses are not used: where a reading goes on stands in the intake ledger, and how pages and
rows are found stands in the settings, since a wrong guess would read a part and look whole.

What belongs here: asking, and cutting answers into rows. What does not: what values mean (`judging`), and
what lands (`intake`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from connectors.company import (
    BasicAuth,
    BearerAuth,
    ClientAuth,
    KeyAuth,
    NextLink,
    NextToken,
    Offsets,
    PageNumbers,
    RestSource,
    Secret,
)
from connectors.errors import Place, SourceError
from connectors.sources.reading import Part, Row, as_text

SHORTEST_PAUSE: Final = 1.0
"""Seconds before the second attempt; the pause doubles with each further one."""

_DENIED: Final = (401, 403)
_BUSY: Final = (408, 425, 429)
_FIRST_OF_SERVER: Final = 500


def read(
    source: RestSource, since: datetime | None, *, first_pause: float = SHORTEST_PAUSE
) -> Iterator[Part]:
    """Each page as a part; SourceError if the source fails. `since` (UTC) goes to the cursor's parameter."""
    paths = {
        setting.column: setting.column.split(".")
        for setting in source.columns.values()
        if setting.column is not None
    }
    number = 0
    for page, rows in enumerate(_pages(source, since, first_pause), start=1):
        shown = []
        for row in rows:
            number += 1
            if not isinstance(row, Mapping):
                raise _shape(source, f"row {number} of the answer has no named fields")
            shown.append(Row(number, {column: _at(row, path) for column, path in paths.items()}))
        yield Part(f"{source.resource}, page {page}", shown)


def address(source: RestSource) -> str:
    """Where the source is asked; an address that is itself a secret is not shown."""
    base = "(secret address)" if isinstance(source.url, Secret) else source.url.rstrip("/")
    return f"{base}/{source.resource.lstrip('/')}"


def _at(row: Any, path: list[str]) -> str | None:
    value = row
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return as_text(json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value)


def _pages(source: RestSource, since: datetime | None, first_pause: float) -> Iterator[list[Any]]:
    # Read by dlt when it is imported; nothing is looked up outside this project.
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
    import requests
    from dlt.sources.helpers.requests import Client
    from dlt.sources.helpers.rest_client.client import RESTClient

    session = Client(
        request_timeout=source.timeout_seconds,
        request_max_attempts=source.retries + 1,
        request_backoff_factor=first_pause,
        session_attrs={"verify": str(source.ca_file)} if source.ca_file is not None else {},
    ).session
    parameters = dict(source.parameters)
    if source.cursor is not None and since is not None:
        parameters[source.cursor.parameter] = since.strftime(source.cursor.format)
    url = source.url.reveal() if isinstance(source.url, Secret) else source.url
    client = RESTClient(base_url=url, session=session, auth=_auth(source, session))
    _refuse_unreadable_paths(source)
    pages = _Pages(source)
    try:
        for page in client.paginate(
            source.resource,
            params=parameters,
            paginator=_paginator(source),
            data_selector=source.records or "$",
        ):
            answer = page.response.json()
            _refuse_strange_answer(source, answer)
            pages.take(answer, list(page))
            yield list(page)
            if pages.are_all_read:
                break
        pages.finish()
    except requests.HTTPError as error:
        status = error.response.status_code
        is_passing = status in _BUSY or status >= _FIRST_OF_SERVER
        raise SourceError(
            "source_unreachable" if is_passing else "source_refused",
            f"it answered {status} {error.response.reason}",
            "check the secret and the rights of the account"
            if status in _DENIED
            else _AGAIN
            if is_passing
            else f"check 'url', 'resource' and 'parameters' of sources.{source.entity}",
            Place(file=address(source)),
        ) from None
    except requests.JSONDecodeError as error:
        raise SourceError(
            "source_shape",
            "the answer is no JSON",
            f"look at what sources.{source.entity}.url answers: a page to log in, or to wait? {_AGAIN}",
            Place(file=address(source)),
        ) from error
    except requests.RequestException as error:
        # Its own words may hold the address with a key in it.
        raise SourceError(
            "source_unreachable",
            f"it did not answer in {source.retries + 1} attempts ({type(error).__name__})",
            _AGAIN,
            Place(file=address(source)),
        ) from None
    finally:
        session.close()


_AGAIN: Final = "nothing of it was landed; it is asked again in the next run"


class _Pages:
    """What the pages of a reading say of its end, held against what was read.

    An empty page ends a reading, also where it stands in the middle: a source says how much there is by its
    total alone. Totals are read here and not by dlt, which ends at an empty page before the total is reached.
    """

    def __init__(self, source: RestSource) -> None:
        self._source = source
        self._paging = source.paging
        self._total = 0
        self._read = 0
        self._number = 0
        self._former: list[Any] = []

    @property
    def are_all_read(self) -> bool:
        """Whether as many pages, or rows, were read as the last answer says there are."""
        return self._has_total and self._read >= self._total

    @property
    def _has_total(self) -> bool:
        return isinstance(self._paging, PageNumbers | Offsets) and self._paging.total is not None

    def take(self, answer: Any, rows: list[Any]) -> None:
        """Enter a page; SourceError if it shows that rows are passed over or come again without end."""
        paging, self._number = self._paging, self._number + 1
        if rows and rows == self._former:
            raise self._broken(
                "source_repeats",
                f"page {self._number} holds the same rows as the one before",
                "the source may not know the parameter that asks for the next page",
            )
        if isinstance(paging, Offsets) and rows and 0 < len(self._former) < paging.size:
            raise self._broken(
                "source_incomplete",
                f"page {self._number - 1} holds {len(self._former)} rows where {paging.size} were asked for, "
                "and others follow",
                f"the source may give at most {len(self._former)} at a time: write that as 'size'",
            )
        self._former = rows
        self._read += len(rows) if isinstance(paging, Offsets) else 1
        if isinstance(paging, PageNumbers | Offsets) and paging.total is not None:
            # Rows that are deleted while pages are read move others onto pages that were read already.
            self._total = max(self._total, _total_in(self._source, paging.total, answer))

    def finish(self) -> None:
        """SourceError if the pages ended before the stated total."""
        if self._has_total and self._read < self._total:
            what = "rows" if isinstance(self._paging, Offsets) else "pages"
            raise self._broken(
                "source_incomplete",
                f"its pages ended after {self._read} of {self._total} {what}",
                "the source may have changed while it was read; if it happens again",
            )

    def _broken(self, code: str, problem: str, hint: str) -> SourceError:
        return SourceError(
            code,
            problem,
            f"{hint}; check sources.{self._source.entity}.paging in company.yml; nothing of it was landed",
            Place(file=address(self._source)),
        )


def _total_in(source: RestSource, path: str, answer: Any) -> int:
    from dlt.common import jsonpath

    found = jsonpath.find_values(path, answer)
    if len(found) != 1 or not str(found[0]).isdecimal():
        raise SourceError(
            "source_shape",
            f"there is no whole number at {path!r}",
            f"correct sources.{source.entity}.paging.total in company.yml; nothing of it was landed",
            Place(file=address(source)),
        )
    return int(found[0])


def _refuse_unreadable_paths(source: RestSource) -> None:
    """SourceError for a place in the answer that is written wrongly."""
    from dlt.common import jsonpath
    from jsonpath_ng.exceptions import JSONPathError

    paging = source.paging
    places = {
        "records": source.records,
        "paging.total": paging.total if isinstance(paging, PageNumbers | Offsets) else None,
        "paging.path": paging.path if isinstance(paging, NextToken | NextLink) else None,
    }
    for name, path in places.items():
        try:
            if path is not None:
                jsonpath.compile_path(path)
        except JSONPathError as error:
            raise SourceError(
                "source_shape",
                f"{path!r} is no place in an answer ({error})",
                f"write sources.{source.entity}.{name} in company.yml as names with points: data.items",
                Place(file=address(source)),
            ) from error


def _refuse_strange_answer(source: RestSource, answer: Any) -> None:
    """SourceError unless rows stand where the settings say: dlt takes a missing place for an empty page."""
    from dlt.common import jsonpath

    found = jsonpath.find_values(source.records, answer) if source.records is not None else [answer]
    if not found or not all(isinstance(item, list) for item in found):
        raise _shape(source, f"there is no list of rows at {source.records or 'the top of the answer'!r}")


def _shape(source: RestSource, problem: str) -> SourceError:
    return SourceError(
        "source_shape",
        problem,
        f"correct sources.{source.entity}.records in company.yml; nothing of it was landed",
        Place(file=address(source)),
    )


def _paginator(source: RestSource) -> Any:
    from dlt.sources.helpers.rest_client import paginators

    paging = source.paging
    if isinstance(paging, PageNumbers):
        return paginators.PageNumberPaginator(
            base_page=paging.first, page_param=paging.parameter, total_path=None
        )
    if isinstance(paging, Offsets):
        return paginators.OffsetPaginator(
            limit=paging.size,
            offset_param=paging.offset_parameter,
            limit_param=paging.size_parameter,
            total_path=None,
        )
    if isinstance(paging, NextToken):
        return paginators.JSONResponseCursorPaginator(cursor_path=paging.path, cursor_param=paging.parameter)
    if isinstance(paging, NextLink):
        if paging.path is None:
            return paginators.HeaderLinkPaginator()
        return _links(source, paging.path)
    return paginators.SinglePagePaginator()


def _links(source: RestSource, path: str) -> Any:
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    class Links(JSONLinkPaginator):
        def update_state(self, response: Any, data: Any = None) -> None:
            super().update_state(response, data)
            link = self._next_reference
            if link and not isinstance(link, str):
                raise SourceError(
                    "source_shape",
                    f"there is no address at {path!r}",
                    f"correct sources.{source.entity}.paging.path in company.yml; nothing of it was landed",
                    Place(file=address(source)),
                )

    return Links(path)


def _auth(source: RestSource, session: Any) -> Any:
    from dlt.sources.helpers.rest_client import auth

    given = source.auth
    if isinstance(given, BearerAuth):
        return auth.BearerTokenAuth(token=given.token.reveal())
    if isinstance(given, KeyAuth):
        return auth.APIKeyAuth(name=given.name, api_key=given.key.reveal(), location=given.location)
    if isinstance(given, BasicAuth):
        return auth.HttpBasicAuth(username=given.user, password=given.password.reveal())
    if isinstance(given, ClientAuth):
        return auth.OAuth2ClientCredentials(
            access_token_url=given.token_url,
            client_id=given.client_id,
            client_secret=given.client_secret.reveal(),
            session=session,
        )
    return None
