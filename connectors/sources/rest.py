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
    records = source.records or "$"
    try:
        for page in client.paginate(
            source.resource, params=parameters, paginator=_paginator(source), data_selector=records
        ):
            _refuse_strange_answer(source, page.response.json())
            yield list(page)
    except requests.HTTPError as error:
        status = error.response.status_code
        raise SourceError(
            "source_refused" if status < 500 else "source_unreachable",
            f"it answered {status} {error.response.reason}",
            "check the secret and the rights of the account"
            if status in _DENIED
            else f"check 'url', 'resource' and 'parameters' of sources.{source.entity}"
            if status < 500
            else _AGAIN,
            Place(file=address(source)),
        ) from None
    except requests.JSONDecodeError as error:
        raise _shape(source, "the answer is no JSON") from error
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
            base_page=paging.first, page_param=paging.parameter, total_path=paging.total
        )
    if isinstance(paging, Offsets):
        return paginators.OffsetPaginator(
            limit=paging.size,
            offset_param=paging.offset_parameter,
            limit_param=paging.size_parameter,
            total_path=paging.total,
        )
    if isinstance(paging, NextToken):
        return paginators.JSONResponseCursorPaginator(cursor_path=paging.path, cursor_param=paging.parameter)
    if isinstance(paging, NextLink):
        return (
            paginators.JSONLinkPaginator(paging.path)
            if paging.path is not None
            else paginators.HeaderLinkPaginator()
        )
    return paginators.SinglePagePaginator()


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
