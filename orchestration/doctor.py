"""What a run needs, checked one by one before it fails in the night.

What belongs here: checks that read only, each with its remedy. What does not: mending anything.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connectors.company import Accounting, AnyDelivery, AnySource, Company, Paths, PostgresqlTarget, Secret
from connectors.contract import is_of_person
from connectors.errors import AvalError, ConfigError
from connectors.feeds.customers import company_keys, refuse_another_key
from connectors.feeds.known import load_known
from connectors.ledger import Ledger
from orchestration.lock import is_locked
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    from connectors.erp.queries import MappingQuery

_PACKAGES: Final = ("dagster", "dagster-dbt", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "dlt")
_FREE: Final = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `is_setting` tells a fault of the company directory from one of the machine."""

    what: str
    is_ok: bool
    found: str
    remedy: str = ""
    is_setting: bool = False


def examine(company: Path | None, data: Path | None) -> list[Finding]:
    """Look at everything; what depends on a company directory that cannot be read is left out."""
    findings = [*_machine()]
    try:
        settings = load_settings(company, data)
    except AvalError as error:
        return [
            *findings,
            Finding("company directory", False, error.problem + _where(error), error.remedy, True),
        ]
    return [*findings, *_company(settings), *_data(settings)]


def _where(error: AvalError) -> str:
    return f" ({error.place})" if str(error.place) else ""


def _machine() -> Iterator[Finding]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("Python", (3, 11) <= sys.version_info < (3, 15), found, "install Python 3.11 to 3.14")
    missing = []
    for name in _PACKAGES:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    yield Finding(
        "packages",
        not missing,
        f"missing: {', '.join(missing)}" if missing else f"{len(_PACKAGES)} of {len(_PACKAGES)}",
        "run `make install`, or install requirements.lock",
    )
    dbt = Path(sys.executable).with_name("dbt")
    yield Finding("dbt", dbt.is_file(), str(dbt), "install dbt-core into the same environment as aval")


def _company(settings: Settings) -> Iterator[Finding]:
    from connectors.erp.pull import queries_of

    company = settings.company
    yield Finding("company directory", True, f"{settings.paths.company}: {company.company.name}")
    yield Finding(
        "feeds",
        bool(settings.profiles),
        f"{len(settings.profiles)} profiles",
        "describe a partner's report in feeds/<partner>_<feed>.yml (docs/feeds.md)",
        True,
    )
    yield Finding("time zone", True, f"{company.time_zone}, today is {company.today()}")
    if isinstance(company.erp.url, Secret):
        try:
            company.erp.url.reveal()
            yield Finding("secret of the ERP", True, "found")
        except AvalError as error:
            yield Finding("secret of the ERP", False, error.problem, error.remedy, True)
            return
    names_people = any(
        is_of_person(column) for source in company.sources.values() for column in source.columns
    )
    if names_people or any(profile.columns.customer for profile in settings.profiles.values()):
        yield Finding(
            "AVAL_PSEUDONYM_KEY",
            bool(os.environ.get("AVAL_PSEUDONYM_KEY")),
            "needed by a feed with a customer column, or a source that names people",
            "set it to a long random text and keep it: the same key gives the same pseudonyms",
            True,
        )
    queries: list[MappingQuery] | None = None
    try:
        queries = [query for variants in queries_of(company.erp).values() for query in variants]
    except AvalError as error:
        yield Finding("mapping queries", False, error.problem + _where(error), error.remedy, True)
    names_businesses = any(query.entity.secret_columns for query in queries or ())
    if names_businesses or any(profile.names_businesses for profile in settings.profiles.values()):
        yield Finding(
            "AVAL_BUSINESS_KEY",
            bool(os.environ.get("AVAL_BUSINESS_KEY")),
            "needed by a feed that names business customers, or registrations of deals from the ERP",
            "set it if customers of different partners may be linked (docs/privacy.md), or take away the "
            "feed's columns or the ERP's query",
            True,
        )
    answer = _erp(company.erp.connection_url())
    yield answer
    if answer.is_ok and queries is not None:
        yield from _queries(company)
    if company.accounting is not None:
        yield _general_ledger(company.accounting)
    for name, source in company.sources.items():
        yield _source(name, source, company.zone)
    for code, delivery in company.deliveries.items():
        yield _delivery(code, delivery)
    if company.publish.postgresql is not None:
        yield _postgresql(company.publish.postgresql, company.company.code, settings.paths.published)
    inbox = company.inbox.path
    files = sum(len(names) for _, _, names in os.walk(inbox))
    yield Finding(
        "inbox",
        inbox.is_dir() and os.access(inbox, os.R_OK | os.X_OK),
        f"{inbox}, {files} files",
        "create the folder, let this account read and enter it, or correct inbox.path in company.yml",
        True,
    )


def _postgresql(target: PostgresqlTarget, company: str, published: Path) -> Finding:
    from orchestration.postgresql import probe

    what = "publication in PostgreSQL"
    try:
        return Finding(what, True, f"PostgreSQL {probe(target, company, published)} lets this company write")
    except AvalError as error:
        return Finding(what, False, error.problem, error.remedy, isinstance(error, ConfigError))


def _general_ledger(accounting: Accounting) -> Finding:
    from connectors.accounting import exports, fec

    what = "general ledger"
    try:
        found = exports.discover(accounting)
        for path in (path for export in found for path in export.files):
            fec.inspect(path)
    except AvalError as error:
        return Finding(what, False, error.problem + _where(error), error.remedy, True)
    return Finding(
        what,
        bool(found),
        f"{accounting.path}, {len(found)} exports",
        f"put an export there whose name is like {accounting.files}, or correct accounting.files",
        True,
    )


def _source(name: str, source: AnySource, zone: tzinfo) -> Finding:
    from connectors.sources.intake import attempt

    try:
        return Finding(f"source {name}", True, attempt(source, zone))
    except AvalError as error:
        return Finding(
            f"source {name}",
            False,
            error.problem + _where(error),
            error.remedy,
            isinstance(error, ConfigError),
        )


def _delivery(name: str, delivery: AnyDelivery) -> Finding:
    """Whether what a delivery needs of this machine is there. Nobody is called."""
    what = f"delivery {name}"
    for field, value in delivery:
        try:
            for secret in value if isinstance(value, tuple) else (value,):
                if isinstance(secret, Secret):
                    secret.reveal()
        except AvalError as error:
            return Finding(what, False, f"{field}: {error.problem}", error.remedy, True)
        if field in ("path", "known_hosts", "ca_file") and value is not None and not value.exists():
            return Finding(
                what, False, f"{field}: {value} does not exist", f"make it, or correct {field}", True
            )
    return Finding(what, True, f"{delivery.kind}, with what it needs of this machine")


def _erp(url: str) -> Finding:
    import sqlalchemy as sa

    try:
        shown = sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError as error:
        return Finding("ERP", False, str(error), "correct erp.url in company.yml", True)
    database = sa.make_url(url).database
    if sa.make_url(url).get_backend_name() == "sqlite" and database and not Path(database).is_file():
        # SQLite would create the file and call that a connection.
        return Finding(
            "ERP", False, f"{shown}: no such file", "correct erp.url; `aval demo` makes the sample's", True
        )
    try:
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            connection.execute(sa.text("select 1"))
    except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        return Finding("ERP", False, f"{shown}: {error}", "check address, account, network and driver", True)
    engine.dispose()
    return Finding("ERP", True, f"{shown} answers")


def _queries(company: Company) -> Iterator[Finding]:
    from connectors.erp.pull import check_queries
    from connectors.erp.reading import Unreachable

    try:
        looked_at = list(check_queries(company))
    except AvalError as error:
        yield Finding("mapping queries", False, error.problem + _where(error), error.remedy, True)
    except Unreachable as error:
        yield Finding("ERP", False, str(error), "check address, account, network and driver", True)
    else:
        faults = [(query, fault) for query, fault in looked_at if fault is not None]
        for query, fault in faults:
            what = f"mapping query {query.entity.name}"
            yield Finding(what, False, fault.problem + _where(fault), fault.remedy, True)
        if not faults:
            yield Finding("mapping queries", True, f"{len(looked_at)} fit the ERP's tables and the contract")


def _data(settings: Settings) -> Iterator[Finding]:
    data = settings.paths.data
    existing = next(path for path in (data, *data.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    is_folder = existing.is_dir()
    closed = list(_closed_to_us(existing, settings.paths))
    is_writable = is_folder and not closed
    more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
    yield Finding(
        "data directory",
        is_writable,
        (f"this account may not write to {closed[0]}{more}" if closed else str(data))
        if is_folder
        else f"{existing} is a file",
        "give this account what is there, as `chown -R` does, or name another folder with --data",
    )
    warehouse = settings.paths.warehouse.stat().st_size if settings.paths.warehouse.is_file() else 0
    yield Finding(
        "disk",
        free > max(_FREE, 2 * warehouse),
        f"{free / 1024**3:,.1f} GiB free",
        "free space: a publication needs room for a second copy of the warehouse",
    )
    if not is_writable:  # the lock and the ledger are opened to be written
        return
    holder = is_locked(settings.paths.state)
    yield Finding("run lock", holder is None, holder or "free", "wait until that run has ended")
    yield from _partners_of_feeds(settings)
    if settings.paths.landing.is_dir():
        yield from _ledger(settings.paths)


def _ledger(paths: Paths) -> Iterator[Finding]:
    try:
        with Ledger(paths.ledger) as ledger:
            found = f"{len(ledger.batches())} batches, newest {ledger.last_batch_id()}"
            yield Finding("intake ledger", True, found)
            try:
                refuse_another_key(ledger, company_keys())
            except AvalError as error:
                yield Finding("keys of customers", False, error.problem, error.remedy, True)
    except AvalError as error:
        yield Finding("intake ledger", False, error.problem + _where(error), error.remedy)


def _closed_to_us(folder: Path, paths: Paths) -> Iterator[Path]:
    """What this account may not write to, and a run has to: folders, and files that are changed in place."""
    if not os.access(folder, os.W_OK | os.X_OK):
        yield folder
    for name in ("landing", "warehouse", "published", "quality", "archive", "state"):
        for path in (paths.data / name, *(paths.data / name).rglob("*")):
            in_place = name in ("warehouse", "state") or path.parent == paths.landing
            if (path.is_dir() or (in_place and path.is_file())) and not os.access(path, os.W_OK):
                yield path


def _partners_of_feeds(settings: Settings) -> Iterator[Finding]:
    """Once partners have landed: a feed of another one would close the core gate with its first report."""
    known = load_known(settings.paths.landing, settings.company.company.name).partner_codes
    unknown = {feed: profile.partner for feed, profile in settings.profiles.items()}
    unknown = {feed: partner for feed, partner in unknown.items() if partner not in known}
    if known:
        yield Finding(
            "partners of feeds",
            not unknown,
            ", ".join(
                f"{feed} is of {partner}, which the ERP does not have" for feed, partner in unknown.items()
            )
            or f"{len(settings.profiles)} feeds are of partners that the ERP has",
            "correct 'partner' in the profile to its code in the ERP",
            True,
        )
