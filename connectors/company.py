"""The company directory: typed, validated settings.

`load_company(directory)` reads `company.yml` and gives a `Company`; profiles of feeds are read by
`connectors.feeds.profile`, rules by `connectors.rules`. A wrong key or value is one `ConfigError` with
file, line, what is wrong and what is expected. `read_model` is the one reader of YAML in the project.

Secrets never stand in these files: a setting that may hold one takes `{env: NAME}` or `{file: PATH}`.
`${NAME}` inside a string is replaced from the environment; `${AVAL_DATA}` and `${AVAL_COMPANY}` are
always known.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connectors.contract import source_entity
from connectors.errors import ConfigError, Place
from connectors.workdays import public_holidays


def _known_holidays(code: str) -> str:
    public_holidays(code)
    return code


Holidays = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Za-z0-9]+)?$"), AfterValidator(_known_holidays)]
"""A country (`FR`) or a region of it (`CH-GE`) whose public holidays count."""

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
"""An identifier that may become part of a path or a key: letters, digits, `_` and `-`."""


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(Settings):
    """A value that stands elsewhere: in an environment variable or in a file."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("expected exactly one of 'env' and 'file'")
        return self

    def reveal(self) -> str:
        """The value itself; ConfigError if the variable or the file is missing."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if not value:
                raise ConfigError(
                    "missing_secret",
                    f"the environment variable {self.env} is not set",
                    f"set {self.env} before starting aval",
                )
            return value
        if self.file is None or not self.file.is_file():
            raise ConfigError(
                "missing_secret",
                f"the secret file {self.file} does not exist",
                "create it or correct the path in company.yml",
            )
        return self.file.read_text(encoding="utf-8").strip()


_PASSWORD: Final = re.compile(r"(?<=://)[^:/@\s]*:[^@/\s]+(?=@)")


def _no_password(url: str) -> str:
    if _PASSWORD.search(url):
        raise ValueError("a password stands in the URL; expected {env: NAME} or {file: PATH} instead")
    return url


Url = Annotated[str, AfterValidator(_no_password)]


def _known_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("expected an IANA time zone such as Europe/Paris") from error
    return name


class CompanyIdentity(Settings):
    """Who the company is."""

    code: Code
    name: str


class Erp(Settings):
    """The ERP to pull from.

    `kind: sql` needs `queries`, a folder with one mapping query per contract entity; `kind: tryton` brings
    its own. `sweep_hours` is the least time between two sweeps for deleted documents (0: every run).
    `leave_out` names entities that it does not deliver although it has a query for them.
    """

    kind: Literal["sql", "tryton"]
    url: Url | Secret
    queries: Path | None = None
    sweep_hours: int = Field(default=0, ge=0)
    retries: int = Field(default=3, ge=0, le=20)
    leave_out: tuple[Literal["opportunities", "leads"], ...] = ()

    @model_validator(mode="after")
    def _queries_for_sql(self) -> Erp:
        if self.kind == "sql" and self.queries is None:
            raise ValueError("expected 'queries' (a folder of mapping queries) with kind: sql")
        return self

    def connection_url(self) -> str:
        """The SQLAlchemy URL, with its secret resolved."""
        return self.url.reveal() if isinstance(self.url, Secret) else self.url


class Inbox(Settings):
    """The folder where partners' files arrive; files younger than `settle_seconds` are left alone."""

    path: Path
    settle_seconds: int = Field(default=0, ge=0)


class Accounting(Settings):
    """Where the exports of the general ledger (FEC) lie, and how this company's ledger is kept.

    `fiscal_year_start_month`: a later export of the same fiscal year replaces the former one.
    `opening_journals`: journals that bring balances forward; found by code and name when left out.
    `siren`: exports that bear another company's number in their name are refused.
    """

    path: Path
    files: str = "*FEC*.txt"
    siren: Annotated[str, Field(pattern=r"^\d{9}$")] | None = None
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)
    opening_journals: tuple[str, ...] = ()


class ExchangeRates(Settings):
    """The central bank's reference-rate file, where it does not stand in rules/: what a download writes."""

    path: Path


class Delivery(Settings):
    """Where one partner's reports are fetched from. They can only arrive in the inbox folder `partner`.

    `files` are globs below the source's folder (of attachments for a mailbox); without a `/` in any of them
    its subfolders are not looked at. A file changed less than `settle_seconds` ago is left alone until two
    looks find it the same.
    """

    partner: Code
    files: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    settle_seconds: int = Field(default=60, ge=0)
    max_bytes: int = Field(default=5 * 1024**3, ge=1)
    retries: int = Field(default=3, ge=0, le=20)
    timeout_seconds: int = Field(default=30, ge=1, le=3600)


class _Folder(Delivery):
    """`then` says what becomes of a file at the source once it is here; `move_to` is a folder there."""

    then: Literal["keep", "delete", "move"] = "keep"
    move_to: str | None = None

    @model_validator(mode="after")
    def _names_its_folder(self) -> _Folder:
        if (self.then == "move") != (self.move_to is not None):
            raise ValueError("expected 'move_to' with then: move, and only with it")
        return self


class LocalDelivery(_Folder):
    """A folder that this machine sees: a share, or the drop folder of an SFTP server of our own."""

    kind: Literal["local"]
    path: Path


class SftpDelivery(_Folder):
    """An SFTP server whose host key stands in `known_hosts`. `key` is a private key in OpenSSH's format."""

    kind: Literal["sftp"]
    host: str
    port: int = Field(default=22, ge=1, le=65535)
    user: str
    password: Secret | None = None
    key: Secret | None = None
    key_passphrase: Secret | None = None
    known_hosts: Path
    folder: str = "."

    @model_validator(mode="after")
    def _has_credentials(self) -> SftpDelivery:
        if self.password is None and self.key is None:
            raise ValueError("expected 'password' or 'key'")
        return self


class S3Delivery(_Folder):
    """A bucket of any S3-compatible store. Without keys, those of the machine's own AWS configuration."""

    kind: Literal["s3"]
    bucket: str
    prefix: str = ""
    endpoint_url: Url | None = None
    region: str | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None
    ca_file: Path | None = None


class HttpsDelivery(Delivery):
    """Files behind fixed addresses. A `url` that holds a token is itself a secret."""

    kind: Literal["https"]
    urls: Annotated[tuple[Url | Secret, ...], Field(min_length=1)]
    user: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    ca_file: Path | None = None


class MailDelivery(Delivery):
    """Attachments of a mailbox, by IMAP over TLS. Only mails whose `From` is in `senders` are opened.

    `senders` are addresses, or `@domain`. A `From` can be forged: `authenticated_by` names the mail server of
    ours whose `Authentication-Results` must say `dmarc=pass`.
    """

    kind: Literal["imap"]
    host: str
    port: int = Field(default=993, ge=1, le=65535)
    tls: Literal["implicit", "starttls"] = "implicit"
    user: str
    password: Secret
    mailbox: str = "INBOX"
    senders: Annotated[tuple[str, ...], Field(min_length=1)]
    authenticated_by: str | None = None
    then: Literal["keep", "mark", "move"] = "keep"
    move_to: str | None = None
    max_bytes: int = Field(default=50 * 1024**2, ge=1)
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> MailDelivery:
        if (self.then == "move") != (self.move_to is not None):
            raise ValueError("expected 'move_to' with then: move, and only with it")
        if any("@" not in sender for sender in self.senders):
            raise ValueError("expected each of 'senders' as an address, or as @domain")
        return self


AnyDelivery = Annotated[
    LocalDelivery | SftpDelivery | S3Delivery | HttpsDelivery | MailDelivery, Field(discriminator="kind")
]


class SourceColumn(Settings):
    """Where one column of the contract comes from: a column (of the file; in an answer by REST a path such as
    `customer.id`), or one `value` for all rows. `codes` translate the source's words into the contract's;
    `format` is how dates are written where it is neither 2026-01-31 nor 31/01/2026.
    """

    column: str | None = None
    value: str | None = None
    codes: dict[str, str] = Field(default_factory=dict)
    format: str | None = None

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> SourceColumn:
        if (self.column is None) == (self.value is None):
            raise ValueError("expected exactly one of 'column' and 'value'")
        return self


def _as_column(given: object) -> object:
    return {"column": given} if isinstance(given, str) else given


SourceEntity = Literal[
    "survey_answers", "support_tickets", "trainings", "shop_visits", "opportunities", "leads"
]


class _Source(Settings):
    """Where the rows of one entity come from, beside ERP and reports. With `is_complete` what the source no
    longer has is deleted; without it, what once was read stays.
    """

    entity: SourceEntity
    columns: dict[str, Annotated[SourceColumn, BeforeValidator(_as_column)]]
    is_complete: bool = False

    @field_validator("columns")
    @classmethod
    def _fit_the_contract(
        cls, columns: dict[str, SourceColumn], info: ValidationInfo
    ) -> dict[str, SourceColumn]:
        if "entity" not in info.data:
            return columns
        contract = source_entity(info.data["entity"])
        known = [column.name for column in contract.columns]
        unknown = [name for name in columns if name not in known]
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is no column of the contract; expected some of {', '.join(known)}"
            )
        missing = [name for name in contract.required if name not in columns]
        if missing:
            raise ValueError(f"expected {missing[0]!r} too, which every row of {contract.name} must have")
        return columns


class FileSource(_Source):
    """Files of one layout: CSV, Excel or Parquet, by their ending. `path` may hold wildcards in its last
    part; of one key in several files the one whose name sorts last counts. `delimiter` and `encoding` are of
    CSV and found by themselves, `sheet` is of Excel: the first without it.
    """

    kind: Literal["file"]
    path: Path
    sheet: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: str | None = None


class BearerAuth(Settings):
    """A token in the header `Authorization`."""

    kind: Literal["bearer"]
    token: Secret


class KeyAuth(Settings):
    """A key in a header or in a parameter of the address."""

    kind: Literal["api_key"]
    name: str
    key: Secret
    location: Literal["header", "query"] = "header"


class BasicAuth(Settings):
    """User and password."""

    kind: Literal["basic"]
    user: str
    password: Secret


class ClientAuth(Settings):
    """OAuth 2.0 with client credentials."""

    kind: Literal["oauth2"]
    token_url: Url
    client_id: str
    client_secret: Secret


class OnePage(Settings):
    """All rows in one answer."""

    kind: Literal["none"]


class PageNumbers(Settings):
    """Pages counted from `first`, until one is empty, or as many as the answer's `total` says."""

    kind: Literal["page_number"]
    parameter: str = "page"
    first: int = Field(default=1, ge=0)
    total: str | None = None


class Offsets(Settings):
    """Rows counted, `size` to a page, until a page is empty, or as many as the answer's `total` says."""

    kind: Literal["offset"]
    size: int = Field(ge=1)
    size_parameter: str = "limit"
    offset_parameter: str = "offset"
    total: str | None = None


class NextToken(Settings):
    """A token in the answer that asks for the next page."""

    kind: Literal["token"]
    path: str
    parameter: str


class NextLink(Settings):
    """The next page's address in the answer (`path`), or in its header `Link`."""

    kind: Literal["link"]
    path: str | None = None


class RestCursor(Settings):
    """The parameter by which the source gives only what changed since the newest `updated_at` read so far."""

    parameter: str
    format: str = "%Y-%m-%dT%H:%M:%SZ"


class RestSource(_Source):
    """An address that answers in JSON. `records` is where the list of rows stands in the answer; without it
    the answer is that list. How pages follow one another must be said: a guess could take the first for all.
    """

    kind: Literal["rest"]
    url: Url | Secret
    resource: str
    records: str | None = None
    parameters: dict[str, str] = Field(default_factory=dict)
    auth: Annotated[BearerAuth | KeyAuth | BasicAuth | ClientAuth, Field(discriminator="kind")] | None = None
    paging: Annotated[OnePage | PageNumbers | Offsets | NextToken | NextLink, Field(discriminator="kind")]
    cursor: RestCursor | None = None
    retries: int = Field(default=3, ge=0, le=20)
    timeout_seconds: int = Field(default=30, ge=1, le=3600)
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _can_go_on(self) -> RestSource:
        if self.cursor is not None and "updated_at" not in self.columns:
            raise ValueError("expected 'updated_at' among 'columns' with a cursor, which goes on from it")
        if self.cursor is not None and self.is_complete:
            raise ValueError("expected either 'cursor' or 'is_complete': a part does not say what is gone")
        return self


AnySource = Annotated[FileSource | RestSource, Field(discriminator="kind")]


class Archive(Settings):
    """Originals as they came, below `archive/`: encrypted where `key` (an age identity) is set.

    An original that holds personal data is kept only encrypted. `former_keys` still open older originals.
    """

    enabled: bool = True
    key: Secret | None = None
    former_keys: tuple[Secret, ...] = ()
    keep_days: int | None = Field(default=None, ge=1)


class PostgresqlTarget(Settings):
    """A PostgreSQL database, this company's alone, that receives what BI tools read."""

    url: Url | Secret
    retries: int = Field(default=3, ge=0, le=20)

    def connection_url(self) -> str:
        """The SQLAlchemy URL, with its secret resolved."""
        return self.url.reveal() if isinstance(self.url, Secret) else self.url


class Publish(Settings):
    """What is published: `keep` versions of the DuckDB file, and beside it Parquet files and PostgreSQL."""

    keep: int = Field(default=5, ge=1)
    parquet: bool = True
    postgresql: PostgresqlTarget | None = None


class Schedule(Settings):
    """When the daily run starts (cron, by the company's clock), how often deliveries are looked at, and how
    long Dagster's history keeps a run.
    """

    cron: Annotated[str, Field(pattern=r"^(\S+\s+){4}\S+$")] = "0 6 * * *"
    deliveries_minutes: int = Field(default=15, ge=1, le=1440)
    history_days: int = Field(default=90, ge=1)


class Calendar(Settings):
    """The fiscal calendar. A year of weeks (4-4-5 and the like) begins on the Monday nearest to the first
    day of `year_start_month`; the fiscal year is called after the calendar year in which its last month lies.
    """

    pattern: Literal["month_end", "iso_weeks", "4-4-5", "4-5-4", "5-4-4"] = "month_end"
    year_start_month: int = Field(default=1, ge=1, le=12)


class Company(Settings):
    """One company's settings, as in `company.yml`."""

    company: CompanyIdentity
    locale: Literal["fr", "en"] = "fr"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = "Europe/Paris"
    as_of_date: date | None = None
    calendar: Calendar = Calendar()
    holidays: Holidays = "FR"
    owner: str | None = None
    erp: Erp
    inbox: Inbox
    accounting: Accounting | None = None
    exchange_rates: ExchangeRates | None = None
    deliveries: dict[Code, AnyDelivery] = Field(default_factory=dict)
    sources: dict[SourceEntity, AnySource] = Field(default_factory=dict)
    archive: Archive = Archive()
    schedule: Schedule = Schedule()
    publish: Publish = Publish()

    @field_validator("sources", mode="before")
    @classmethod
    def _are_of_their_entity(cls, sources: object) -> object:
        if not isinstance(sources, dict):
            return sources
        return {
            name: {**source, "entity": name} if isinstance(source, dict) else source
            for name, source in sources.items()
        }

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def today(self) -> date:
        """The day that figures are as of: `as_of_date`, or today in the company's time zone."""
        return self.as_of_date or datetime.now(UTC).astimezone(self.zone).date()

    def last_day_begun(self, now: datetime) -> date:
        """The last day on which the period of a report that is here may begin.

        Tomorrow, for partners in the east are a day ahead; the as-of day where that is later.
        """
        tomorrow = now.astimezone(self.zone).date() + timedelta(days=1)
        return max(tomorrow, self.as_of_date or tomorrow)


_NO_PLAIN_NAME: Final = frozenset("#*?[]\\")
"""What DuckDB reads as a pattern in a path, and dbt and Dagster as options of an address (`#`, `?`)."""


class Paths:
    """Where one company's things lie: its directory (read) and its data (written)."""

    def __init__(self, company: Path, data: Path) -> None:
        self.company = company
        self.data = data
        self.landing = data / "landing"
        self.ledger = data / "landing" / "ledger.sqlite"
        self.warehouse = data / "warehouse" / "aval.duckdb"
        self.archive = data / "archive"
        self.published = data / "published"
        self.quality = data / "quality"
        self.state = data / "state"

    @classmethod
    def from_environment(cls) -> Paths:
        """Paths from `AVAL_COMPANY` (default `examples/demo`) and `AVAL_DATA` (default `var/<company>`).

        An empty variable is none.
        """
        company = Path(os.environ.get("AVAL_COMPANY") or "examples/demo").resolve()
        data = Path(os.environ.get("AVAL_DATA") or f"var/{company.name}").resolve()
        unfit = _NO_PLAIN_NAME.intersection(str(data))
        if unfit:
            raise ConfigError(
                "data_directory_is_no_plain_name",
                f"the path of the data directory holds {' '.join(sorted(unfit))}, which is read as more than "
                "a name",
                "name another by --data or AVAL_DATA",
                Place(file=data),
            )
        return cls(company, data)


def load_company(paths: Paths) -> Company:
    """Read and check `company.yml`; relative paths in it are taken from the company directory."""
    base = paths.company
    own = (base, base / "company.yml")
    _refuse_unreadable(chain(own, _with_content(base / "feeds"), _with_content(base / "rules")))
    company = read_model(base / "company.yml", Company, _variables(paths))
    erp = company.erp
    if erp.queries is not None:
        queries = (base / erp.queries).resolve()
        _refuse_unreadable(_with_content(queries))
        erp = erp.model_copy(update={"queries": queries})
    inbox = company.inbox.model_copy(update={"path": (base / company.inbox.path).resolve()})
    accounting = company.accounting
    if accounting is not None:
        accounting = accounting.model_copy(update={"path": (base / accounting.path).resolve()})
    rates = company.exchange_rates
    if rates is not None:
        rates = rates.model_copy(update={"path": (base / rates.path).resolve()})
    deliveries = {name: _resolved(delivery, base) for name, delivery in company.deliveries.items()}
    sources = {name: _resolved(source, base) for name, source in company.sources.items()}
    return company.model_copy(
        update={
            "erp": erp,
            "inbox": inbox,
            "accounting": accounting,
            "exchange_rates": rates,
            "deliveries": deliveries,
            "sources": sources,
        }
    )


def _refuse_unreadable(paths: Iterable[Path]) -> None:
    """ConfigError where a file or folder may not be read: a folder would be taken for an empty one."""
    for path in paths:
        wanted = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
        if path.exists() and not os.access(path, wanted):
            raise ConfigError(
                "unreadable",
                "this account may not read it",
                "let the account that runs Aval read the company directory, and enter its folders",
                Place(file=path),
            )


def _with_content(folder: Path) -> Iterator[Path]:
    yield folder
    if folder.is_dir():
        yield from sorted(folder.iterdir())


Placed = TypeVar("Placed", AnyDelivery, AnySource)


def _resolved(settings: Placed, base: Path) -> Placed:
    names = [name for name in ("path", "known_hosts", "ca_file") if getattr(settings, name, None) is not None]
    return settings.model_copy(update={name: (base / getattr(settings, name)).resolve() for name in names})


def _variables(paths: Paths) -> dict[str, str]:
    return {**os.environ, "AVAL_COMPANY": str(paths.company), "AVAL_DATA": str(paths.data)}


def text_of(path: Path) -> str:
    """The text of a file of the company directory; ConfigError with its line where it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            "invalid_encoding",
            "the file is not UTF-8",
            "save it as UTF-8; the letter with an accent in that line is written in another code page",
            Place(file=path, line=error.object[: error.start].count(b"\n") + 1),
        ) from error


Model = TypeVar("Model", bound=BaseModel)
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def read_model(path: Path, model: type[Model], variables: Mapping[str, str] | None = None) -> Model:
    """Read a YAML file into a pydantic model; one fault is a ConfigError with file and line.

    An unknown key goes before the others: misspelt, it is why a key is missing.
    """
    if not path.is_file():
        raise ConfigError(
            "missing_file", f"{path} does not exist", "create it; examples/start shows what it holds"
        )
    text = text_of(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(
            "invalid_yaml",
            f"not valid YAML ({getattr(error, 'problem', None) or error})",
            "correct the syntax at that line",
            Place(file=path, line=mark.line + 1 if mark else None),
        ) from error
    duplicate = _duplicate_key(node)
    if duplicate is not None:
        key, line = duplicate
        raise ConfigError(
            "duplicate_key",
            f"the key {key!r} stands twice",
            "keep one of them",
            Place(file=path, line=line),
        )
    content = _substitute(content, variables if variables is not None else os.environ, path, node)
    try:
        return model.model_validate(content if content is not None else {})
    except ValidationError as error:
        fault = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
        raise ConfigError(
            "invalid_setting",
            _problem(fault),
            _expectation(fault, path),
            Place(file=path, line=_line(node, fault["loc"])),
        ) from error


def _substitute(
    value: Any,
    variables: Mapping[str, str],
    path: Path,
    node: yaml.Node | None,
    loc: tuple[Any, ...] = (),
) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(item, variables, path, node, (*loc, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, variables, path, node, (*loc, i)) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in variables:
            raise ConfigError(
                "missing_variable",
                f"the environment variable {name} is not set",
                f"set {name}, or write the value instead of ${{{name}}}",
                Place(file=path, line=_line(node, loc)),
            )
        return variables[name]

    return _VARIABLE.sub(replacement, value)


def _duplicate_key(node: yaml.Node | None) -> tuple[str, int] | None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                return key.value, key.start_mark.line + 1
            seen.add(key.value)
            found = _duplicate_key(value)
            if found:
                return found
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            found = _duplicate_key(item)
            if found:
                return found
    return None


LineFinder = Callable[[tuple[Any, ...]], int | None]


def line_finder(path: Path) -> LineFinder:
    """Tells the line of a setting (keys and positions from the top down) in a YAML file that was read."""
    return partial(_line, yaml.compose(text_of(path), Loader=yaml.SafeLoader))


def _line(node: yaml.Node | None, loc: tuple[Any, ...]) -> int | None:
    """The line of the setting at `loc`, or of the nearest setting above it."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line + 1, value
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _problem(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"]) or "the file"
    if fault["type"] == "extra_forbidden":
        return f"unknown key {name!r}"
    if fault["type"] == "missing":
        return f"the key {name!r} is missing"
    shown = textwrap.shorten(_PASSWORD.sub("***", repr(fault["input"])), 120, placeholder=" …")
    return f"{name!r} has the wrong value {shown}"


def _page(path: Path) -> str:
    """The page on the settings of a file; a profile may be tried from any folder."""
    if path.name == "company.yml":
        return "docs/company.md"
    return "docs/rules.md" if path.parent.name == "rules" else "docs/feeds.md"


def _expectation(fault: Any, path: Path) -> str:
    page = _page(path)
    if fault["type"] == "extra_forbidden":
        return f"remove it or correct its spelling; {page} lists the keys"
    if fault["type"] == "missing":
        return f"add it; {page} says what it means"
    message: str = fault["msg"]
    return (
        message.removeprefix("Value error, ").removeprefix("Input should be ").join(("expected ", ""))
        if message.startswith("Input should be ")
        else message.removeprefix("Value error, ")
    )
