"""The profile of a feed: all that Aval knows of one partner's report, as `feeds/<partner>_<feed>.yml`.

A profile says where the files are, how they are written, which period they cover and which of their
columns mean what. Nothing is guessed: what a profile does not say does not happen. What belongs here:
the typed profile and its checks. Reading files is the readers' work (`delimited`, `excel`).
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, Field, ValidationError, model_validator

from connectors.company import Calendar, Code, Company, Holidays, Settings, read_model
from connectors.errors import ConfigError, Place
from connectors.feeds.table import fold
from connectors.workdays import after_working_days

Metric = Literal[
    "sold_quantity", "returned_quantity", "net_amount", "on_hand_quantity", "in_transit_quantity"
]
Frequency = Literal["day", "week", "month", "quarter", "fiscal_period", "fiscal_quarter"]
FISCAL: Final = frozenset({"fiscal_period", "fiscal_quarter"})
"""Frequencies that follow a fiscal calendar."""
_METRICS: Final = frozenset(get_args(Metric))

EXCEL_1900: Final = "excel"
EXCEL_1904: Final = "excel1904"
"""Date formats of days counted as Excel does: 46084 is 3 March 2026 (since 1900), or four years later."""
EPOCHS: Final = {EXCEL_1900: date(1899, 12, 30), EXCEL_1904: date(1904, 1, 1)}
"""Their day 0; Excel counts a 29 February 1900 that never was, so that later days are right."""


def _valid_regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a valid regular expression: {error}") from error
    return pattern


def _below_inbox(glob: str) -> str:
    if glob.startswith("/") or "\\" in glob or ".." in glob.split("/"):
        raise ValueError("expected a pattern below the inbox: no leading '/', no '..', '/' between folders")
    return glob


Regex = Annotated[str, AfterValidator(_valid_regex)]


class FileMatch(Settings):
    """Which files of the inbox belong to the feed: a glob below the inbox, for example `D07/ventes_*.csv`."""

    glob: Annotated[str, AfterValidator(_below_inbox)]


class Packing(Settings):
    """How a file is packed, if it is: every container may come as .zip or .gz."""

    compression: Literal["zip", "gzip"] | None = None
    member: str | None = Field(
        default=None, description="Name of the report in a zip of several files, with * and ?."
    )

    @model_validator(mode="after")
    def _has_members(self) -> Packing:
        if self.member is not None and self.compression != "zip":
            raise ValueError("expected 'member' with compression: zip only")
        return self


class Delimited(Packing):
    """How a text file is written. `encoding` is stated, never guessed: `utf-8`, `cp1252`, `utf-16`, …"""

    kind: Literal["delimited"]
    encoding: str = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=8)] = ";"
    quote: Annotated[str, Field(min_length=1, max_length=1)] | None = '"'
    header_row: int = Field(default=1, ge=1, description="Line of the column names, 1 = first line.")
    header_rows: int = Field(
        default=1, ge=1, le=3, description="Lines the header takes; names are joined by ' / ', filled right."
    )

    @property
    def body(self) -> int:
        """The last line of the header."""
        return self.header_row + self.header_rows - 1

    @property
    def lines_above(self) -> int:
        """Lines above the header."""
        return self.header_row - 1

    @model_validator(mode="after")
    def _tells_cells_apart(self) -> Delimited:
        if re.search(r"[\r\n]", self.delimiter) or (self.quote and self.quote in self.delimiter):
            raise ValueError("expected a delimiter without line ends and without the quote")
        return self


_UTF_8: Final = ("utf-8", "utf8", "utf-8-sig", "utf_8")


class FixedWidth(Packing):
    """A text file whose cells stand at fixed positions: `fields: {Réf: 1-13, Qté: 14-21}`, counted from 1,
    both ends included. The names serve as titles; positions that no field covers are ignored.
    """

    kind: Literal["fixed_width"]
    encoding: str = "utf-8"
    fields: dict[str, Annotated[str, Field(pattern=r"^[1-9]\d{0,4}-[1-9]\d{0,4}$")]] = Field(min_length=1)
    skip_lines: int = Field(default=0, ge=0, description="Lines above the first record.")
    line_length: int | None = Field(
        default=None, ge=1, description="Length of each line; a line of another length is malformed."
    )
    counted_in: Literal["characters", "bytes"] = Field(
        default="characters",
        description="What positions count. Hosts count bytes, of which an accented letter in UTF-8 has two.",
    )

    @model_validator(mode="after")
    def _are_ranges(self) -> FixedWidth:
        if self.counted_in == "bytes" and self.encoding.lower() not in _UTF_8:
            raise ValueError("expected counted_in: bytes with UTF-8 only; elsewhere leave it out")
        for title, (first, last) in self.ranges.items():
            if first > last:
                raise ValueError(f"expected the first position of {title!r} before its last")
            if self.line_length is not None and last > self.line_length:
                raise ValueError(f"expected {title!r} to end within the line_length of {self.line_length}")
        return self

    @property
    def lines_above(self) -> int:
        """Lines above the first record."""
        return self.skip_lines

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """First and last position of each field."""
        spelled = {title: text.partition("-") for title, text in self.fields.items()}
        return {title: (int(first), int(last)) for title, (first, _, last) in spelled.items()}


class Excel(Packing):
    """Where the table is in a workbook: the sheet (the first when absent) and its header rows.

    `sheets` reads several: every sheet whose name matches. Their names stand in the column `@sheet`.
    """

    kind: Literal["excel"]
    sheet: str | None = None
    sheets: Regex | None = None
    header_row: int = Field(default=1, ge=1, description="First row of the column names, 1 = first row.")
    header_rows: int = Field(
        default=1,
        ge=1,
        le=3,
        description="Rows the header takes; names are joined by ' / ', merged cells filled right.",
    )

    @property
    def lines_above(self) -> int:
        """Rows above the header."""
        return self.header_row - 1

    @model_validator(mode="after")
    def _one_way(self) -> Excel:
        if self.sheet is not None and self.sheets is not None:
            raise ValueError("expected 'sheet' (one) or 'sheets' (all that match), not both")
        return self


Figure = Literal["sold_quantity", "returned_quantity", "on_hand_quantity", "in_transit_quantity"]
Identifier = Literal["gtin", "product_code", "partner_product_code"]
Function = Literal["original", "replace", "add", "cancel", "copy"]
Severity = Literal["ignore", "note", "quarantine", "reject"]
"""What a difference does: nothing, a remark, quarantine of what it concerns, or rejection of the file."""


class ControlTotals(Settings):
    """How severe it is that a report by EDI is not what it states; one word stands for all kinds."""

    trailers: Severity = Field(
        default="note", description="Counts and references of UNT, UNE, UNZ, SE, GE and IEA."
    )
    lines: Severity = Field(default="note", description="Numbers of lines: CNT+2, CTT01.")
    hash_totals: Severity = Field(default="note", description="Sums of quantities: CNT+1, CTT02.")
    store_totals: Severity = Field(
        default="note", description="A quantity beside its stores: ZA beside SDQ, QTY beside LOC."
    )
    part_totals: Severity = Field(
        default="note", description="A quantity beside its parts, with repeated_quantity: first."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_one_word(cls, data: Any) -> Any:
        return dict.fromkeys(cls.model_fields, data) if isinstance(data, str) else data


class Edi(Packing):
    """What a sender of EDI may choose, in both families; the defaults are those of the standards."""

    encoding: str | None = Field(
        default=None, description="Overrides the character set that the interchange declares."
    )
    ignored_quantities: tuple[str, ...] = Field(
        default=(), description="Further quantity qualifiers that are none of ours."
    )
    products: dict[Identifier, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Product qualifiers (LIN, PIA) by identifier, beside the standard ones and before them.",
    )
    period_dates: tuple[str, ...] = Field(
        default=(),
        description="Date qualifiers that name the period, best first; `a+b` is a start and an end.",
    )
    sale_date: tuple[str, ...] = Field(
        default=(), description="Date qualifiers that name the day of the sale, best first."
    )
    transaction: tuple[str, ...] = Field(
        default=(), description="Reference qualifiers that name the ticket or order."
    )
    price_basis: Literal["unit", "line"] | None = Field(
        default=None,
        description="What a price is: of one unit, or of the line. Without it prices are not read.",
    )
    price_qualifiers: tuple[str, ...] = Field(
        default=(), description="Price qualifiers to read; all when empty."
    )
    amount_sign: Literal["quantity", "as_sent"] = Field(
        default="quantity",
        description="`quantity`: a positive amount of a net return reduces revenue; `as_sent`: signs stand.",
    )
    repeated_quantity: Literal["check", "first", "sum"] = Field(
        default="check",
        description=(
            "The same qualifier again in one line: `first` is the total, `sum` they are parts, `check` the "
            "first must be the sum of the others, otherwise the row is faulty."
        ),
    )
    total_beside_stores: Literal["leave_out", "keep"] = Field(
        default="leave_out", description="A quantity without store beside others of the line with stores."
    )
    control_totals: ControlTotals = Field(
        default=ControlTotals(), description="What a wrong count, reference or sum does, kind by kind."
    )
    test_interchanges: Severity = Field(
        default="note", description="What an interchange that is marked as a test does."
    )
    other_messages: Severity = Field(
        default="note", description="What a message of a type that `messages` does not name does."
    )

    @property
    def lines_above(self) -> int:
        """A message has no header."""
        return 0

    @property
    def identifiers(self) -> dict[str, str]:
        """The profile's product qualifiers, each with its identifier."""
        return {kind.upper(): name for name, kinds in self.products.items() for kind in kinds}


class Edifact(Edi):
    """EDIFACT: sales reports (SLSRPT) and stock reports (INVRPT)."""

    kind: Literal["edifact"]
    messages: tuple[Literal["SLSRPT", "INVRPT"], ...] = Field(
        default=("SLSRPT",), min_length=1, description="Message types of the feed."
    )
    quantities: dict[Figure, tuple[str, ...]] = Field(
        default_factory=dict, description="Quantity qualifiers by figure, instead of the standard ones."
    )
    store: tuple[str, ...] = Field(
        default=("LOC+162", "LOC+14", "LOC+18", "NAD+SN"),
        description="Segments that name the store: the nearest one counts.",
    )
    amounts: tuple[str, ...] = Field(default=("203",), description="MOA qualifiers of the line's amount.")
    functions: dict[str, Function] = Field(
        default_factory=dict, description="Message functions (BGM) beside or instead of the standard ones."
    )

    @property
    def figures(self) -> dict[str, tuple[str, ...]]:
        """Quantity qualifiers by figure."""
        if self.quantities:
            return {str(name): qualifiers for name, qualifiers in self.quantities.items()}
        figures: dict[str, tuple[str, ...]] = {}
        if "SLSRPT" in self.messages:
            figures |= {"sold_quantity": ("153",), "returned_quantity": ("61", "210")}
        if "INVRPT" in self.messages:
            figures |= {"on_hand_quantity": ("145",), "in_transit_quantity": ("198",)}
        return figures


class X12(Edi):
    """X12: product activity (852) and product transfer and resale (867)."""

    kind: Literal["x12"]
    messages: tuple[Literal["852", "867"], ...] = Field(
        default=("852",), min_length=1, description="Transaction sets of the feed."
    )
    quantities: dict[Figure, tuple[str, ...]] = Field(
        default_factory=dict, description="Quantity qualifiers by figure, instead of the standard ones."
    )
    store: tuple[str, ...] = Field(
        default=("N1+ST", "N1+RL", "N1+SN"),
        description="Segments that name the store: the nearest one counts; SDQ pairs always do.",
    )
    amounts: tuple[str, ...] = Field(default=(), description="AMT qualifiers of the line's amount.")
    ctp_quantity: Literal["break", "basis"] = Field(
        default="break",
        description="CTP04: the quantity from which the price holds, or how many units the price is of.",
    )
    functions: dict[str, Function] = Field(
        default_factory=dict, description="Purposes (BPT) beside or instead of the standard ones."
    )
    transfer_types: dict[str, Literal["sale", "return", "skip"]] = Field(
        default_factory=dict, description="Transfer types (PTD) beside or instead of the standard ones."
    )

    @property
    def figures(self) -> dict[str, tuple[str, ...]]:
        """Quantity qualifiers by figure."""
        if self.quantities:
            return {str(name): qualifiers for name, qualifiers in self.quantities.items()}
        figures: dict[str, tuple[str, ...]] = {}
        if "867" in self.messages:
            figures |= {"sold_quantity": ("32", "38", "39"), "returned_quantity": ("76",)}
        if "852" in self.messages:
            figures["sold_quantity"] = (*figures.get("sold_quantity", ()), "QS")
            figures["returned_quantity"] = (*figures.get("returned_quantity", ()), "Q2", "Q3", "QU")
            figures |= {"on_hand_quantity": ("QA",), "in_transit_quantity": ("QI",)}
        return figures


_PIECES: Final = ("PCE", "PC", "EA", "C62", "H87", "NAR", "UN", "ST")
"""Names of a piece in both families' unit codes."""


def _edi_defaults(data: dict[str, Any]) -> dict[str, Any]:
    """An EDI profile completed: its columns are canonical by themselves, and so are their formats."""
    for key in ("columns", "wide", "decimal_mark", "thousands_mark", "date_format"):
        if key in data:
            raise ValueError(f"expected no {key!r} with an EDI container: the standard fixes it")
    container = data["container"]
    kind: type[Edifact | X12] = Edifact if container["kind"] == "edifact" else X12
    try:
        edi = kind.model_validate(container)
    except ValidationError:
        # The container's own faults are reported with it.
        edi = kind.model_validate({"kind": container["kind"]})
    figures = edi.figures
    columns = [*figures, "gtin", "product_code", "partner_product_code", "product_label", "store_code"]
    columns += ["store_name", "store_address", "store_city", "postal_code"]
    columns += ["partner_gln", "unit_code", "message_reference", "document_number"]
    if "sold_quantity" in figures or "returned_quantity" in figures:
        columns += ["net_amount", "currency_code"]
    columns += ["sale_date"] if edi.sale_date else []
    columns += ["transaction_id"] if edi.transaction else []
    completed = {
        "negative_sold_is_return": True,
        **data,
        "columns": {name: name for name in columns},
        "decimal_mark": ".",
        "date_format": "%Y%m%d",
    }
    unit = data.get("unit", "PCE")
    if isinstance(unit, str) and isinstance(data.get("units", {}), dict):
        completed["units"] = {**dict.fromkeys(_PIECES, unit), unit: unit, **data.get("units", {})}
    period = data.get("period")
    if isinstance(period, dict) and period.get("source", "message") == "message":
        completed["period"] = {**period, "source": "column", "header": "period", "date_format": "%Y%m%d"}
    return completed


class Period(Settings):
    """The period of one report and where it is written.

    `source: file_name` reads named groups of `pattern` from the file's name: (year, week), (year, month),
    (year, month, day), (year, quarter), (year, period) or `date`; `source: column` reads it from the column
    `header` of each row with `date_format` (strptime), or by such groups (`2026-W05`, `P05 2026`);
    `source: header` is for wide reports, whose column titles name the period by `wide.pattern`;
    `source: above` reads `pattern` from the text above the header, with `date` and `until` also a range.
    Where they name no year, `year` says what gives it: a year that the file's name or the text above the
    header states, or the day on which the file came.
    A row's period is the day, ISO week, month, quarter, or fiscal period or quarter that holds its date.
    """

    frequency: Frequency
    calendar: Calendar | None = Field(
        default=None, description="The partner's own fiscal calendar; without it, the company's."
    )
    source: Literal["file_name", "column", "header", "above"]
    pattern: Regex | None = None
    header: str | None = None
    date_format: str | None = None
    year: Literal["file_name", "above", "received"] | None = Field(
        default=None, description="What gives the year of periods that are named without one."
    )
    year_pattern: Regex | None = Field(
        default=None, description="Where that year stands, by a group `year`; otherwise it is the only one."
    )

    @model_validator(mode="after")
    def _complete(self) -> Period:
        if self.calendar is not None and self.frequency not in FISCAL:
            raise ValueError("expected 'calendar' with frequency fiscal_period or fiscal_quarter only")
        if self.source in ("file_name", "above") and not self.pattern:
            raise ValueError(f"expected 'pattern' with source: {self.source}")
        if self.source == "column" and not self.header:
            raise ValueError("expected 'header' with source: column")
        if self.source == "column" and not (self.pattern or self.date_format):
            raise ValueError("expected 'date_format' or 'pattern' with source: column")
        if self.pattern:
            groups = set(re.compile(self.pattern).groupindex)
            if not groups >= self.groups and "date" not in groups:
                expected = " and ".join(sorted(self.groups))
                raise ValueError(
                    f"expected named groups {expected}, or date, in 'pattern' for frequency "
                    f"{self.frequency}; where no year stands there, period.year says what gives it"
                )
        self._check_year()
        return self

    def _check_year(self) -> None:
        if self.year is None and self.year_pattern:
            raise ValueError("expected 'year_pattern' with 'year' only")
        if self.year is None:
            return
        if self.source == "file_name" and self.year != "received":
            raise ValueError(
                "expected year: received with source: file_name; a year that stands in the name "
                "is a group of 'pattern'"
            )
        if self.pattern is None and self.source != "header":
            raise ValueError("expected 'pattern' with 'year': a date_format reads dates with their year")
        if self.pattern and {"year", "date"} & set(re.compile(self.pattern).groupindex):
            raise ValueError("expected no group year or date in 'pattern' beside 'year'")
        if self.year_pattern and "year" not in re.compile(self.year_pattern).groupindex:
            raise ValueError("expected a named group (?P<year>…) in 'year_pattern'")
        if self.year_pattern and self.year == "received":
            raise ValueError("expected 'year_pattern' with year: file_name or above")

    @property
    def groups(self) -> set[str]:
        """Named groups that spell a period."""
        return _PERIOD_GROUPS[self.frequency] - ({"year"} if self.year is not None else set())

    @property
    def reads_above(self) -> bool:
        """Whether something of it stands above the header."""
        return "above" in (self.source, self.year)

    @property
    def is_of_one_file(self) -> bool:
        """Whether files of equal titles may name different periods by them, or above them."""
        return self.source == "above" or self.year is not None


_PERIOD_GROUPS: Final = {
    "day": {"year", "month", "day"},
    "week": {"year", "week"},
    "month": {"year", "month"},
    "quarter": {"year", "quarter"},
    "fiscal_period": {"year", "period"},
    "fiscal_quarter": {"year", "quarter"},
}


class Columns(Settings):
    """Header of the file for each canonical column. Compared without case, accents and doubled blanks.

    `product_code`, `gtin` or `partner_product_code`: at least one. A metric that is not named here is
    not reported by this feed: NULL, never zero.
    """

    sale_date: str | None = None
    partner_gln: str | None = None
    partner_siret: str | None = None
    store_code: str | None = None
    store_name: str | None = None
    store_gln: str | None = None
    store_siret: str | None = None
    store_address: str | None = None
    store_city: str | None = None
    postal_code: str | None = None
    partner_product_code: str | None = None
    product_code: str | None = None
    gtin: str | None = None
    product_label: str | None = None
    unit_code: str | None = None
    sold_quantity: str | None = None
    returned_quantity: str | None = None
    net_amount: str | None = None
    returned_amount: str | None = None
    currency_code: str | None = None
    on_hand_quantity: str | None = None
    in_transit_quantity: str | None = None
    transaction_id: str | None = None
    customer: str | None = None
    customer_siret: str | None = None
    customer_vat: str | None = None
    customer_domain: str | None = None
    message_reference: str | None = None
    document_number: str | None = None

    @model_validator(mode="after")
    def _has_product(self) -> Columns:
        if not (self.partner_product_code or self.product_code or self.gtin):
            raise ValueError("expected at least one of partner_product_code, product_code and gtin")
        secret = {title for name, title in self.named().items() if name.startswith("customer")}
        if secret & {title for name, title in self.named().items() if not name.startswith("customer")}:
            raise ValueError(
                "expected the customer's columns under 'customer…' only: elsewhere they would land in clear"
            )
        return self

    def named(self) -> dict[str, str]:
        """Canonical column -> header, for the columns that the feed has."""
        return {name: header for name, header in self.model_dump().items() if header is not None}


class Wide(Settings):
    """A report with one column per period or store, and metric. Every header that matches `pattern` is one.

    The named groups give the period (year, week / month / day, or date), the store (`store_code`), or both;
    `metric` says what the values are. Two metrics side by side are two entries.
    """

    metric: Metric
    pattern: Regex


class MarkedRows(Settings):
    """Rows that one column tells from the others: those whose cell under `header` matches `pattern`."""

    header: str
    pattern: Regex


class Section(Settings):
    """Rows that head the rows below them: the cell under `header` matches `pattern`, whose group `section`
    stands in the column `@section` of all rows until the next such row.
    """

    header: str
    pattern: Regex

    @model_validator(mode="after")
    def _names_the_section(self) -> Section:
        if "section" not in re.compile(self.pattern).groupindex:
            raise ValueError("expected a named group (?P<section>…) in 'pattern'")
        return self


_AFFIX: Final = re.compile(r"[.,][-–—]{1,2}|(?![-+−–—(\d\s.,'’]).*(?<![-+−–—\s])", re.DOTALL)


def _no_part_of_a_number(affix: str) -> str:
    """An affix is left out of the cell: a sign or a digit would be lost with it, and -3 become 3."""
    if not _AFFIX.fullmatch(affix) or not affix:
        raise ValueError(
            "expected signs and words that say nothing (€, pcs, .-): without blanks around them, and no "
            "figure, sign, mark or parenthesis of the number itself; a dash alone is an empty cell"
        )
    return affix


class Profile(Settings):
    """One feed of one partner."""

    partner: Code
    description: str | None = None
    contact: str | None = None
    signs_as: tuple[str, ...] = Field(
        default=(),
        description="Further numbers (GLN, SIRET) by which the partner's reports name their sender.",
    )
    files: FileMatch
    container: Annotated[Delimited | FixedWidth | Excel | Edifact | X12, Field(discriminator="kind")]
    period: Period
    columns: Columns
    personal: tuple[str, ...] = Field(
        default=(),
        description="Further columns that name people: they never land, nor show in quarantine.",
    )
    other_titles: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Title that the profile names -> those in its place in other files of the feed.",
    )
    wide: tuple[Wide, ...] = ()
    skip_rows: tuple[MarkedRows, ...] = Field(
        default=(), description="Rows that are no data, such as totals at the foot."
    )
    return_rows: tuple[MarkedRows, ...] = Field(
        default=(),
        description="Rows of returns: what they call sold came back, and their amount is given back, both "
        "under any sign.",
    )
    section: Section | None = None
    decimal_mark: Literal[",", "."] = ","
    thousands_mark: Literal[" ", ".", ",", "'", ""] = ""
    date_format: str = Field(
        default="%d/%m/%Y",
        description=(
            "strptime format of `sale_date`, months in words (%B, %b) in French or English; or `excel`, "
            "`excel1904`: days counted as Excel does."
        ),
    )
    number_affixes: tuple[Annotated[str, AfterValidator(_no_part_of_a_number)], ...] = Field(
        default=(),
        description="Signs and words that may stand before or after a number and say nothing: `€`, `pcs`.",
    )
    unit: Code = Field(
        default="PCE",
        description="Unit of the quantities where no unit_code column says otherwise.",
    )
    currency: str = Field(
        default="EUR",
        pattern=r"^[A-Z]{3}$",
        description="Currency where no currency_code column says otherwise; left out, the company's.",
    )
    sold_is_net: bool = Field(default=False, description="The sender has already deducted returns from sold.")
    negative_sold_is_return: bool = Field(
        default=False,
        description="A negative sold quantity is a return; otherwise it is an error of the row.",
    )
    returns_are_negative: bool = Field(
        default=False,
        description="Returned quantities bear a minus sign; otherwise that is an error of the row.",
    )
    parentheses_are_negative: bool = Field(default=False, description="(12,5) means -12,5.")
    units: dict[str, Code] = Field(
        default_factory=dict,
        description="The partner's names of units -> ours; a name that is not listed is an error of the row.",
    )
    tax_rate: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Amounts include this tax: 0.20; NULL if they are before tax.",
    )
    empty_is_zero: bool = Field(
        default=False,
        description="An empty quantity cell means zero; otherwise a row with no quantity at all is an error.",
    )
    expected_from: date
    expected_to: date | None = None
    due_days: int = Field(
        default=3, ge=0, description="Days after the period's end by which the report is due."
    )
    due_working_days: int | None = Field(
        default=None, ge=1, description="Working days after the period's end, instead of `due_days`."
    )
    holidays: Holidays | None = Field(
        default=None, description="Whose public holidays are no working days; without it, the company's."
    )
    max_restatement_days: int | None = Field(
        default=None,
        ge=0,
        description=(
            "Days after a period's end until which another report may change it; a later one is held until "
            "somebody accepts it. NULL: no limit."
        ),
    )
    crosswalk: Path | None = Field(
        default=None,
        description=(
            "CSV beside the profile: "
            "partner_product_code;product_code;unit_code[;valid_from_date;valid_to_date]."
        ),
    )
    max_quarantined_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Above this share of bad rows the whole file is rejected.",
    )

    @model_validator(mode="before")
    @classmethod
    def _complete_edi(cls, data: Any) -> Any:
        container = data.get("container") if isinstance(data, dict) else None
        if isinstance(container, dict) and container.get("kind") in ("edifact", "x12"):
            return _edi_defaults(data)
        return data

    @model_validator(mode="after")
    def _has_a_metric(self) -> Profile:
        if not self.metrics:
            raise ValueError(
                "expected at least one metric: sold_quantity, on_hand_quantity, … or a 'wide' entry"
            )
        if self.return_rows and "sold_quantity" not in self.metrics:
            raise ValueError("expected 'return_rows' with sold_quantity only: its rows say what came back")
        if self.holidays is not None and self.due_working_days is None:
            raise ValueError("expected 'holidays' with due_working_days only")
        if self.due_working_days is not None and "due_days" in self.model_fields_set:
            raise ValueError("expected due_days or due_working_days, not both")
        if not (self.reports_sell_out or self.reports_inventory):
            raise ValueError(
                "expected sold_quantity, returned_quantity or on_hand_quantity among the metrics"
            )
        shared = {fold(title) for title in self.personal} & {
            fold(title) for name, title in self.columns.named().items() if not name.startswith("customer")
        }
        if shared:
            raise ValueError(
                f"expected {', '.join(sorted(shared))} under 'columns' or 'personal', not under both"
            )
        if self.wide and any(name in _METRICS for name in self.columns.named()):
            raise ValueError("expected no metric in 'columns' beside 'wide': it would belong to no period")
        if self.columns.returned_amount and not self.columns.net_amount:
            raise ValueError("expected 'returned_amount' beside net_amount only: it is deducted from it")
        if self.period.source == "header" and not self.wide:
            raise ValueError("expected 'wide' with period.source: header")
        if self.period.year is not None and isinstance(self.container, Edi):
            raise ValueError("expected no 'year' with an EDI container: messages date their periods")
        if self.period.reads_above and not self.container.lines_above:
            raise ValueError(
                "expected lines above the header for a period or year that stands there: header_row (or "
                "skip_lines) says where the header is"
            )
        for entry in self.wide:
            groups = set(re.compile(entry.pattern).groupindex)
            if "store_code" in groups and self.columns.store_code:
                raise ValueError("expected no store_code in 'columns' beside that of wide.pattern")
            if self.period.source != "header":
                if "store_code" not in groups:
                    raise ValueError("expected period.source: header with 'wide', or a group store_code")
            elif not groups >= self.period.groups and "date" not in groups:
                raise ValueError(
                    f"expected named groups {sorted(self.period.groups)} in wide.pattern; where titles have "
                    "no year, period.year says what gives it"
                )
            elif self.period.year is not None and {"year", "date"} & groups:
                raise ValueError("expected no group year or date in wide.pattern beside period.year")
        return self

    @model_validator(mode="after")
    def _other_titles_mean_one_column(self) -> Profile:
        headers = [self.period.header, *(rows.header for rows in (*self.skip_rows, *self.return_rows))]
        headers += [self.section.header] if self.section else []
        titles = [*self.columns.named().values(), *self.personal, *filter(None, headers)]
        named = {fold(title) for title in titles}
        stray = [title for title in self.other_titles if fold(title) not in named]
        if stray:
            raise ValueError(
                f"expected titles that the profile names as keys of other_titles, not {stray[0]!r}"
            )
        seen = set(named)
        for other in (other for others in self.other_titles.values() for other in others):
            if fold(other) in seen:
                raise ValueError(f"expected each title to mean one column: {other!r} is named twice")
            seen.add(fold(other))
        return self

    def others(self, title: str) -> tuple[str, ...]:
        """Titles that stand in the place of `title` in other files of the feed."""
        wanted = fold(title)
        return next((others for name, others in self.other_titles.items() if fold(name) == wanted), ())

    @property
    def metrics(self) -> frozenset[str]:
        """Canonical metrics that the feed reports."""
        named = self.columns.named()
        return frozenset(
            [name for name in named if name.endswith("_quantity") or name == "net_amount"]
            + [entry.metric for entry in self.wide]
        )

    @property
    def reports_sell_out(self) -> bool:
        return bool(self.metrics & {"sold_quantity", "returned_quantity"})

    @property
    def reports_inventory(self) -> bool:
        return "on_hand_quantity" in self.metrics

    def due_date(self, period_end: date) -> date:
        """Last day on which the report of a period is in time."""
        if self.due_working_days is None or self.holidays is None:
            return period_end + timedelta(days=self.due_days)
        return after_working_days(period_end, self.due_working_days, self.holidays)

    @property
    def names_people(self) -> bool:
        return self.columns.customer is not None or self.names_businesses or bool(self.personal)

    @property
    def names_businesses(self) -> bool:
        """Whether it names business customers by what is the same whoever sells to them."""
        columns = self.columns
        return bool(columns.customer_siret or columns.customer_vat or columns.customer_domain)

    def fingerprint(self) -> str:
        """Hash of what decides how a file is read; a change of it makes files be read again."""
        beside: dict[str, Any] = dict.fromkeys(
            (
                "description",
                "contact",
                "expected_from",
                "expected_to",
                "due_days",
                "due_working_days",
                "holidays",
                "max_restatement_days",
                "crosswalk",
                *(() if self.other_titles else ("other_titles",)),
                *(() if self.return_rows else ("return_rows",)),
            ),
            True,
        )
        # What came into profiles later counts where it is used, so that no file is read again for nothing.
        if isinstance(self.container, FixedWidth) and self.container.counted_in == "characters":
            beside["container"] = {"counted_in"}
        if isinstance(self.container, Delimited) and self.container.header_rows == 1:
            beside["container"] = {"header_rows"}
        if isinstance(self.container, Edi) and not self.container.products:
            beside["container"] = {"products"}
        if self.columns.returned_amount is None:
            beside["columns"] = {"returned_amount"}
        if self.period.year is None:
            beside["period"] = {"year", "year_pattern"}
        relevant = self.model_dump_json(exclude=beside)
        return hashlib.sha256(relevant.encode()).hexdigest()[:16]


def load_profile(path: Path, company: Company | None = None) -> Profile:
    """One profile, completed by what holds for the whole company: its currency, fiscal calendar and holidays.

    Without a company they are EUR, calendar months and the public holidays of France.
    """
    profile = read_model(path, Profile)
    if company and "currency" not in profile.model_fields_set:
        profile = profile.model_copy(update={"currency": company.currency})
    if profile.due_working_days is not None and profile.holidays is None:
        profile = profile.model_copy(update={"holidays": company.holidays if company else "FR"})
    if profile.period.frequency not in FISCAL or profile.period.calendar is not None:
        return profile
    calendar = company.calendar if company else Calendar()
    period = profile.period.model_copy(update={"calendar": calendar})
    return profile.model_copy(update={"period": period})


def load_profiles(feeds: Path, company: Company | None = None) -> dict[str, Profile]:
    """All profiles of a company's `feeds/` folder by feed code, which is the file's name without `.yml`."""
    profiles: dict[str, Profile] = {}
    for path in sorted(feeds.glob("*.yml")):
        profile = load_profile(path, company)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", path.stem):
            raise ConfigError(
                "invalid_feed_name",
                f"the feed's name {path.stem!r} holds other characters than letters, digits, _ and -",
                "rename the file",
                Place(file=path),
            )
        if profile.crosswalk is not None and not (path.parent / profile.crosswalk).is_file():
            raise ConfigError(
                "missing_file",
                f"the crosswalk {profile.crosswalk} does not exist",
                "create it beside the profile, or remove the key",
                Place(file=path),
            )
        profiles[path.stem] = profile
    return profiles
