"""Closing a month: its finance figures are frozen as published, and what changes later is booked apart.

What belongs here: whether a month may be closed or reopened, reading its figures from the publication, and
booking changes before the next one. What does not: how the register lands (`connectors.closing`), what a
change is worth and why it came (`mart_closing_adjustments_monthly`), which marts are frozen
(`orchestration.declared`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from connectors.closing import Closing, Event, closings, land_changes, land_event
from connectors.errors import AvalError
from connectors.ledger import Ledger
from orchestration.declared import Model, finance_marts, models
from orchestration.lock import run_lock
from orchestration.partner_page import written
from orchestration.plan import span_of_months
from orchestration.publish import published_file
from orchestration.settings import Settings
from orchestration.workbook import COLON, Locale

_OWN_COLUMNS: Final = ("partner_code", "channel_code", "product_code")
_NUMBERS: Final = ("DECIMAL", "BIGINT", "INTEGER", "SMALLINT", "HUGEINT", "DOUBLE", "FLOAT")
_RECONCILIATION: Final = "mart_margin_reconciliation_monthly"

_REMARKS: Final[Mapping[str, Mapping[Locale, str]]] = {
    "not_covered": {
        "fr": "le grand livre ne couvre pas {month}",
        "en": "the general ledger does not cover {month}",
    },
    "explained": {
        "fr": "{measure}{colon} écart de {amount} avec le grand livre, expliqué par ses causes",
        "en": "{measure}{colon} differs from the general ledger by {amount}, explained by its causes",
    },
    "tolerated": {
        "fr": "{measure}{colon} écart de {amount} avec le grand livre, "
        "dont {unexplained} toléré sans explication",
        "en": "{measure}{colon} differs from the general ledger by {amount}, "
        "of which {unexplained} is tolerated without an explanation",
    },
    "missing_report": {
        "fr": "{count} rapport de partenaire du mois manquait ({feeds})",
        "en": "{count} report of a partner for the month was missing ({feeds})",
    },
    "missing_reports": {
        "fr": "{count} rapports de partenaires du mois manquaient ({feeds})",
        "en": "{count} reports of partners for the month were missing ({feeds})",
    },
}
"""What a close says, in the language of the company: it is kept as it was said."""


class Refused(AvalError):
    """A month cannot be closed or reopened; nothing has been changed."""


@dataclass(frozen=True)
class Frozen:
    """What a close has frozen: figures by mart."""

    event: Event
    figures: dict[str, int]


@dataclass(frozen=True)
class _Publication:
    """The identity of a published file."""

    version: str
    path: Path
    run: str
    published_at: datetime
    code: str
    as_of: date
    gates: str


def one_month(text: str) -> tuple[date, date]:
    """First and last day of a month written as 2026-05."""
    wrong = AvalError("invalid_span", f"{text!r} is no month", "write it as 2026-05")
    if ".." in text:
        raise wrong
    try:
        return span_of_months(text)
    except AvalError as error:
        raise wrong from error


def close(settings: Settings, month: str, by: str, note: str | None = None) -> Frozen:
    """Freeze a month's finance marts as they are published; Refused says why it cannot be."""
    first, last = one_month(month)
    with run_lock(settings.paths.state, "aval close"), Ledger(settings.paths.ledger) as ledger:
        known = closings(settings.paths.landing, ledger)
        _refuse_order(known, first, month)
        if last >= settings.company.today():
            raise Refused(
                "month_not_ended",
                f"{month} has not ended: today is {settings.company.today()}",
                "close it once it is over",
            )
        publication = _publication(settings)
        _refuse_publication(publication, ledger, last, month)
        with duckdb.connect(str(publication.path), read_only=True) as connection:
            remarks = _examine_ledger(settings, connection, first, month)
            missing = missing_reports(connection, first)
            code = f"{month}#{1 + sum(item.month == first for item in known)}"
            frozen = {
                name: _figures(connection, model, code, first, publication.as_of)
                for name, model in finance_marts().items()
            }
        if count := sum(missing.values()):
            kind = "missing_report" if count == 1 else "missing_reports"
            said = _REMARKS[kind][settings.company.locale]
            remarks.append(said.format(count=count, feeds=feeds_in_words(missing)))
        figures = pa.concat_tables(frozen.values())
        counts = {name: table.num_rows - _measures(name) for name, table in frozen.items()}
        event = Event(
            closing_code=code,
            month_start_date=first,
            action_code="closed",
            done_at=datetime.now(UTC),
            done_by=by,
            reason=note,
            publication_code=publication.version,
            run_code=publication.run,
            published_at=publication.published_at.replace(tzinfo=UTC),
            as_of_date=publication.as_of,
            code_version=publication.code,
            gate_results=publication.gates,
            last_batch_code=ledger.last_batch_id(),
            figure_count=sum(counts.values()),
            remarks="; ".join(remarks) or None,
        )
        land_event(settings.paths.landing, ledger, event, figures)
    return Frozen(event, counts)


def reopen(settings: Settings, month: str, by: str, reason: str) -> Event:
    """Take a close back. It stays in the register for ever, with who reopened it, when and why."""
    first, _ = one_month(month)
    if not reason.strip():
        raise Refused("no_reason", "a month is not reopened without a reason", "say why: --reason TEXT")
    with run_lock(settings.paths.state, "aval reopen"), Ledger(settings.paths.ledger) as ledger:
        held = [item for item in closings(settings.paths.landing, ledger) if item.is_closed]
        mine = [item for item in held if item.month == first]
        if not mine:
            raise Refused("not_closed", f"{month} is not closed", "`aval closings` lists the closed months")
        if held[-1].month > first:
            raise Refused(
                "later_month_closed",
                f"{held[-1].month:%Y-%m} is closed too, and may hold adjustments of {month}",
                f"reopen {held[-1].month:%Y-%m} first",
            )
        event = Event(
            closing_code=mine[-1].closed.closing_code,
            month_start_date=first,
            action_code="reopened",
            done_at=datetime.now(UTC),
            done_by=by,
            reason=reason.strip(),
        )
        land_event(settings.paths.landing, ledger, event)
    return event


def register(settings: Settings) -> list[Closing]:
    """Every closing that ever was, by month, then by time."""
    with Ledger(settings.paths.ledger) as ledger:
        return closings(settings.paths.landing, ledger)


def book_changes(settings: Settings, ledger: Ledger) -> int:
    """Land the changes of closed figures that the warehouse shows first; returns how many.

    Once booked a change keeps its day, its month and its reason; a further one stands beside it.
    """
    with duckdb.connect(str(settings.paths.warehouse), read_only=True) as connection:
        known = connection.execute(
            "select count(*) from duckdb_tables() where database_name = current_database() and table_name in "
            "('fct_closed_figures', 'mart_closing_adjustments_monthly')"
        ).fetchone()
        if known != (2,):
            return 0
        changes = connection.execute(
            """
            select
                closing_code, closed_month_date as month_start_date, mart_name, row_key, partner_code,
                channel_code, product_code, grain_detail, measure_code as column_name,
                change_number as sequence_number, as_is_amount as figure_amount,
                cast(null as varchar) as figure_text, first_seen_date as seen_date, booked_month_date,
                reason_code, documents, sources
            from marts.mart_closing_adjustments_monthly as changes
            where not exists (
                select 1 from core.fct_closed_figures as booked
                where booked.closing_code = changes.closing_code and booked.mart_name = changes.mart_name
                    and booked.row_key = changes.row_key and booked.column_name = changes.measure_code
                    and booked.sequence_number = changes.change_number
            )
            order by all
            """
        ).to_arrow_table()
    return land_changes(settings.paths.landing, ledger, changes, datetime.now(UTC))


def _refuse_order(known: list[Closing], first: date, month: str) -> None:
    """Months are closed one after the other, from the first that ever was."""
    held = [item for item in known if item.is_closed]
    for item in held:
        if item.month == first:
            raise Refused(
                "already_closed",
                f"{month} is closed: {item.closed.closing_code}, on {item.closed.done_at:%Y-%m-%d}, "
                f"by {item.closed.done_by}",
                f"`aval reopen {month} --reason …` takes it back",
            )
    if not held:
        return
    if first < held[0].month:
        raise Refused(
            "before_the_first_close",
            f"{month} lies before {held[0].month:%Y-%m}, the first month that is closed",
            "months before the first close are not closed any more",
        )
    # Only the newest closed month can be reopened, so that closed months have no gap.
    expected = _next(held[-1].month)
    if first != expected:
        raise Refused(
            "earlier_month_open", f"{expected:%Y-%m} is open and lies before", f"close {expected:%Y-%m} first"
        )


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _publication(settings: Settings) -> _Publication:
    path = published_file(settings.paths.published)
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute(
            "select publication_id, run_id, published_at, code_version, as_of_date, gate_results "
            "from marts.publication"
        ).fetchone()
    if row is None:
        raise Refused("no_publication", f"{path} says nothing of itself", "`aval run` first")
    version, run, published_at, code, as_of, gates = row
    return _Publication(version, path, run, published_at, code, as_of, gates)


def _refuse_publication(publication: _Publication, ledger: Ledger, last: date, month: str) -> None:
    outcomes = json.loads(publication.gates)
    closed = [outcome["gate"] for outcome in outcomes if not outcome["passed"]]
    if closed or not {"core", "marts"} <= {outcome["gate"] for outcome in outcomes}:
        raise Refused(
            "gate_closed",
            f"publication {publication.version} has not passed the gates core and marts",
            "`aval run`, and mend what the gate says",
        )
    if publication.as_of <= last:
        raise Refused(
            "publication_too_old",
            f"publication {publication.version} is as of {publication.as_of}, within {month} or before it",
            "`aval run` first",
        )
    waiting = ledger.pending_systems() - {"closing"}
    if waiting:
        raise Refused(
            "data_not_published",
            f"data have landed that no publication holds yet (of {', '.join(sorted(waiting))})",
            "`aval run` first",
        )


def missing_reports(connection: duckdb.DuckDBPyConnection, first: date) -> dict[str, int]:
    """Sales reports of the month that have not come, due or not, by feed: its sell-out lacks them."""
    return dict(
        connection.execute(
            "select feed_code, count(*) from core.fct_reporting_periods where month_start_date = ? "
            "and report_kind_code = 'sell_out' and is_of_record and is_expected and not is_reported "
            "group by all order by all",
            [first],
        ).fetchall()
    )


def feeds_in_words(missing: Mapping[str, int]) -> str:
    """Feeds with the number of their reports where it is more than one."""
    return ", ".join(feed if count == 1 else f"{feed} × {count}" for feed, count in missing.items())


def _examine_ledger(
    settings: Settings, connection: duckdb.DuckDBPyConnection, first: date, month: str
) -> list[str]:
    """Refuse an unexplained difference above tolerance; returns what else is to be known."""
    rows = connection.execute(
        f"select measure_code, sum(unexplained_amount), sum(difference_amount) from marts.{_RECONCILIATION} "
        "where month_start_date = ? group by all order by all",
        [first],
    ).fetchall()
    locale = settings.company.locale
    if not rows:
        is_connected = settings.company.accounting is not None
        said = _REMARKS["not_covered"][locale].format(month=written(first, "month", locale))
        return [said] if is_connected else []
    limit = connection.execute(
        "select threshold_value from core.dim_thresholds "
        "where threshold_code = 'reconciliation_tolerance_amount' and channel_code = '*'"
    ).fetchone()
    tolerance = limit[0] if limit else 0
    for measure, unexplained, _ in rows:
        if unexplained is not None and abs(unexplained) > tolerance:
            raise Refused(
                "unexplained_difference",
                f"{measure} of {month} differs from the general ledger by {unexplained:,.2f} that no "
                f"document explains; the tolerance is {tolerance:,.2f}",
                "look at rules/accounts.yml and the entries of the month, or raise "
                "reconciliation_tolerance_amount once it is understood",
            )
    names = models()[_RECONCILIATION].words("measure_code", locale)
    currency = settings.company.currency
    return [
        _REMARKS["tolerated" if unexplained else "explained"][locale].format(
            measure=names.get(measure, measure),
            colon=COLON[locale],
            amount=f"{written(difference, 'amount', locale, currency)} {currency}",
            unexplained=f"{written(unexplained or 0, 'amount', locale, currency)} {currency}",
        )
        for measure, unexplained, difference in rows
        if difference
    ]


def _measures(name: str) -> int:
    finance = finance_marts()[name].finance
    return len(finance.measures) if finance else 0


def _figures(
    connection: duckdb.DuckDBPyConnection, model: Model, code: str, month: date, seen: date
) -> pa.Table:
    """Every value of the mart's rows of the month, one a row, and the sums of its measures as row '*'."""
    finance = model.finance
    if finance is None:
        raise ValueError(f"{model.name} declares nothing for finance")
    types: dict[str, str] = dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() where database_name = current_database() "
            "and schema_name = 'marts' and table_name = ?",
            [model.name],
        ).fetchall()
    )
    missing = sorted({finance.key, *finance.grain, *finance.measures} - set(types))
    if missing:
        raise Refused(
            "publication_too_old",
            f"the published {model.name} has no {missing[0]}: other models have built it",
            "`aval run` first",
        )
    own = [column if column in finance.grain else "null" for column in _OWN_COLUMNS]
    detail = " || '|' || ".join(
        f"'{column}=' || coalesce(cast({column} as varchar), '')"
        for column in finance.grain
        if column not in _OWN_COLUMNS
    )
    selects = []
    for column, type_ in types.items():
        is_number = type_.startswith(_NUMBERS)
        amount = f"cast({column} as decimal(18, 4))" if is_number else "null"
        text = "null" if is_number else f"cast({column} as varchar)"
        selects.append(
            f"select cast({finance.key} as varchar), {', '.join(own)}, {detail or 'null'}, '{column}', "
            f"{amount}, {text} from mart"
        )
    for column in finance.measures:
        selects.append(
            f"select '*', null, null, null, null, '{column}', cast(sum({column}) as decimal(18, 4)), null "
            "from mart"
        )
    return connection.execute(
        f"with mart as (select * from marts.{model.name} where month_start_date = $month), "
        "figures (row_key, partner_code, channel_code, product_code, grain_detail, column_name, "
        f"figure_amount, figure_text) as ({' union all '.join(selects)}) "
        f"select $code as closing_code, $month::date as month_start_date, '{model.name}' as mart_name, "
        "cast(row_key as varchar) as row_key, cast(partner_code as varchar) as partner_code, "
        "cast(channel_code as varchar) as channel_code, cast(product_code as varchar) as product_code, "
        "cast(grain_detail as varchar) as grain_detail, column_name, 0 as sequence_number, "
        "cast(figure_amount as decimal(18, 4)) as figure_amount, "
        "cast(figure_text as varchar) as figure_text, "
        "$seen::date as seen_date, $month::date as booked_month_date, cast(null as varchar) as reason_code, "
        "cast(null as varchar) as documents, cast(null as varchar) as sources "
        "from figures order by row_key, column_name",
        {"code": code, "month": month, "seen": seen},
    ).to_arrow_table()


def summary(item: Closing) -> dict[str, Any]:
    """A closing as people read it."""
    closed, reopened = item.closed, item.reopened
    return {
        "closing": closed.closing_code,
        "state": "closed" if item.is_closed else "reopened",
        "closed": f"{closed.done_at:%Y-%m-%d %H:%M} by {closed.done_by}",
        "publication": closed.publication_code or "",
        "figures": f"{closed.figure_count or 0:,}",
        "remarks": closed.remarks or "",
        "reopened": f"{reopened.done_at:%Y-%m-%d %H:%M} by {reopened.done_by}: {reopened.reason}"
        if reopened
        else "",
    }
