"""The company's rules -> landing: the feeds it expects, crosswalks of products, thresholds of the marts.

Each rule entity lands as a whole; the newest batch is the truth, and a new one is written only if the
content changed. What belongs here: reading and checking `rules/*.yml` and crosswalks, and landing them.
What does not: how a feed is written (`connectors.feeds.profile`), what a threshold decides (the marts).
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import duckdb
import pyarrow as pa
from pydantic import AfterValidator, Field, ValidationError, model_validator

from connectors.company import Code, Company, Paths, Settings, read_model
from connectors.contract import OPEN_END, Entity, entity
from connectors.errors import ConfigError, Place
from connectors.feeds.profile import Profile
from connectors.landing import atomic_file, batch_ids, column_definitions, entity_folder
from connectors.ledger import Batch, Ledger, Slice

EVERY_CHANNEL: Final = "*"
SLICE_KEY: Final = "rules|all"
_FIRST_DAY: Final = "1900-01-01"
_CROSSWALK_COLUMNS: Final = ("partner_product_code", "product_code", "unit_code")
_CROSSWALK_DATES: Final = ("valid_from_date", "valid_to_date")

Row = dict[str, Any]


class Thresholds(Settings):
    """Limits that give figures their status. Rates are shares (0.80 = 80 %)."""

    overstock_ratio_rate: Decimal = Field(
        default=Decimal("0.80"), ge=0, description="Sell-out / sell-in below this: overstock risk."
    )
    balanced_low_rate: Decimal = Field(
        default=Decimal("1.00"),
        ge=0,
        description="Sell-out / sell-in from this on is balanced; below it a normal build.",
    )
    balanced_high_rate: Decimal = Field(
        default=Decimal("1.00"), ge=0, description="Sell-out / sell-in above this: shortage risk."
    )
    launch_days: int = Field(default=90, ge=0, description="A product younger than this is a launch.")
    shortage_weeks_of_supply_weeks: Decimal = Field(
        default=Decimal(1), ge=0, description="Weeks of supply below this: shortage."
    )
    min_weeks_of_supply_weeks: Decimal = Field(
        default=Decimal(2), ge=0, description="Weeks of supply below this: low."
    )
    max_weeks_of_supply_weeks: Decimal = Field(
        default=Decimal(12), ge=0, description="Weeks of supply above this: overstock."
    )
    trailing_sell_out_days: int = Field(
        default=28,
        ge=7,
        le=364,
        multiple_of=7,
        description="Days of sell-out in the mean that weeks of supply divide by.",
    )
    rolling_ratio_months: int = Field(
        default=3, ge=1, le=12, description="Months of the rolling sell-out / sell-in ratio."
    )
    siso_gap_tolerance_rate: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        description="Reported against calculated stock: a gap up to this is no finding.",
    )
    coverage_min_rate: Decimal = Field(
        default=Decimal("0.80"),
        ge=0,
        le=1,
        description="Share of expected reports below which a figure is not compared.",
    )
    max_missing_invoice_numbers: int = Field(
        default=0, ge=0, description="Invoice numbers that may be missing in a series, once explained."
    )
    max_silent_days: int = Field(
        default=0, ge=0, description="Shipping days without invoices that have been explained."
    )
    max_row_drop_share: Decimal = Field(
        default=Decimal("0.20"),
        ge=0,
        le=1,
        description="A mart that shrinks by more than this against the published one closes the gate.",
    )
    erp_stale_days: int = Field(
        default=7, ge=0, description="Days without a new invoice after which a run warns."
    )


_ASCENDING: Final = (
    ("overstock_ratio_rate", "balanced_low_rate", "balanced_high_rate"),
    ("shortage_weeks_of_supply_weeks", "min_weeks_of_supply_weeks", "max_weeks_of_supply_weeks"),
)


def _known_thresholds(own: dict[str, Decimal]) -> dict[str, Decimal]:
    """A channel's own thresholds: each known and within its bounds."""
    unknown = [name for name in own if name not in Thresholds.model_fields]
    if unknown:
        raise ValueError(
            f"unknown threshold {unknown[0]!r}; expected one of {', '.join(Thresholds.model_fields)}"
        )
    try:
        Thresholds.model_validate(own)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{fault['loc'][0]}: {fault['msg']}") from error
    return own


class ThresholdRules(Thresholds):
    """`rules/thresholds.yml`: thresholds for all channels, and under `channels` those that differ for one."""

    channels: dict[Code, Annotated[dict[str, Decimal], AfterValidator(_known_thresholds)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _in_order(self) -> ThresholdRules:
        general = self.model_dump(exclude={"channels"})
        for channel, own in {EVERY_CHANNEL: {}, **self.channels}.items():
            for names in _ASCENDING:
                values = [Decimal((general | own)[name]) for name in names]
                if values != sorted(values):
                    raise ValueError(f"expected {' <= '.join(names)} (channel {channel})")
        return self

    def rows(self) -> list[Row]:
        """One row per threshold and channel; `*` holds where a channel has none of its own."""
        general = self.model_dump(exclude={"channels"})
        sets: dict[str, dict[str, Any]] = {EVERY_CHANNEL: general, **self.channels}
        return [
            {"threshold_code": code, "channel_code": channel, "threshold_value": str(value)}
            for channel, values in sets.items()
            for code, value in values.items()
        ]


def load_thresholds(company: Path) -> ThresholdRules:
    """`rules/thresholds.yml` of a company directory; the defaults where the file is absent."""
    path = company / "rules" / "thresholds.yml"
    return read_model(path, ThresholdRules) if path.is_file() else ThresholdRules()


def feed_rows(profiles: Mapping[str, Profile]) -> list[Row]:
    """The feeds that the company expects, one row each."""
    return [
        {
            "feed_code": code,
            "partner_code": profile.partner,
            "frequency_code": profile.period.frequency,
            "reports_sell_out": profile.reports_sell_out,
            "reports_inventory": profile.reports_inventory,
            "expected_from_date": profile.expected_from.isoformat(),
            "expected_to_date": profile.expected_to.isoformat() if profile.expected_to else None,
            "due_days": profile.due_days,
        }
        for code, profile in sorted(profiles.items())
    ]


# --- crosswalks ---


def load_crosswalks(feeds: Path, profiles: Mapping[str, Profile]) -> list[Row]:
    """Rows of all crosswalks; ConfigError with file and line at the first fault.

    A file that several feeds of a partner share counts once. For one code of a partner, ranges must not
    overlap.
    """
    files = {
        (profile.partner, (feeds / profile.crosswalk).resolve()): None
        for _, profile in sorted(profiles.items())
        if profile.crosswalk is not None
    }
    rows: list[Row] = []
    places: list[Place] = []
    for partner, path in files:
        for line, row in _read_crosswalk(path):
            rows.append({"partner_code": partner, **row})
            places.append(Place(file=path, line=line))
    _refuse_overlaps(rows, places)
    return rows


def _read_crosswalk(path: Path) -> list[tuple[int, Row]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(
            "missing_file", "the crosswalk does not exist", "create it", Place(file=path)
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            "invalid_encoding",
            "the crosswalk is not UTF-8",
            "save it as 'CSV UTF-8'",
            Place(file=path, line=line),
        ) from error
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first else ","
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header, path)
        return [
            (reader.line_num, _crosswalk_row(header, cells, Place(file=path, line=reader.line_num)))
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        raise ConfigError(
            "invalid_csv",
            f"not valid CSV ({error})",
            "correct the quotes in that line",
            Place(file=path, line=reader.line_num),
        ) from error


def _check_header(header: Sequence[str], path: Path) -> None:
    missing = [name for name in _CROSSWALK_COLUMNS if name not in header]
    unknown = [name for name in header if name not in (*_CROSSWALK_COLUMNS, *_CROSSWALK_DATES)]
    if missing or unknown or len(set(header)) != len(header):
        raise ConfigError(
            "invalid_header",
            f"the header is {', '.join(repr(name) for name in header) or 'empty'}",
            f"expected {';'.join(_CROSSWALK_COLUMNS)}, and if wanted {';'.join(_CROSSWALK_DATES)}",
            Place(file=path, line=1),
        )


def _crosswalk_row(header: Sequence[str], cells: Sequence[str], place: Place) -> Row:
    if len(cells) != len(header):
        raise ConfigError(
            "invalid_row", f"{len(cells)} cells under {len(header)} column names", "correct the line", place
        )
    row: Row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    for name in _CROSSWALK_COLUMNS:
        if not row[name]:
            raise ConfigError("missing_value", f"{name} is empty", "fill it in, or remove the line", place)
    for name, default in zip(_CROSSWALK_DATES, (_FIRST_DAY, OPEN_END), strict=True):
        row[name] = row.get(name) or default
        try:
            row[name] = date.fromisoformat(row[name]).isoformat()
        except ValueError as error:
            raise ConfigError(
                "invalid_date", f"{name} is {row[name]!r}", "expected a date such as 2026-01-31", place
            ) from error
    if row["valid_from_date"] >= row["valid_to_date"]:
        raise ConfigError(
            "invalid_range",
            "valid_to_date is not after valid_from_date",
            "valid_to_date is the first day on which the row no longer holds",
            place,
        )
    return row


def _refuse_overlaps(rows: Sequence[Row], places: Sequence[Place]) -> None:
    order = sorted(
        range(len(rows)),
        key=lambda i: (rows[i]["partner_code"], rows[i]["partner_product_code"], rows[i]["valid_from_date"]),
    )
    for before, after in itertools.pairwise(order):
        former, later = rows[before], rows[after]
        same = all(former[name] == later[name] for name in ("partner_code", "partner_product_code"))
        if same and later["valid_from_date"] < former["valid_to_date"]:
            raise ConfigError(
                "overlapping_ranges",
                f"{later['partner_product_code']!r} stands in {places[before]} too, for days in common",
                "keep one of the lines, or end one where the other begins",
                places[after],
            )


# --- landing ---


def land_rules(
    paths: Paths, company: Company, profiles: Mapping[str, Profile], ledger: Ledger, *, now: datetime
) -> list[Batch]:
    """Land the rule entities whose content changed; returns the batches that were entered."""
    contents = {
        "feeds": (feed_rows(profiles), "feeds/*.yml"),
        "product_crosswalk": (load_crosswalks(paths.company / "feeds", profiles), "feeds/*.csv"),
        "thresholds": (load_thresholds(paths.company).rows(), "rules/thresholds.yml"),
    }
    now = now.astimezone(UTC)
    ids = batch_ids(now, ledger.last_batch_id())
    batches = []
    for name, (rows, source_file) in contents.items():
        target = entity("rules", name)
        content = _content_hash(target, rows)
        former = ledger.last_extract("rules", name)
        if former is not None and former.content_hash == content:
            continue
        batch = Batch(
            batch_id=next(ids),
            system="rules",
            source=name,
            state="landed",
            received_at=now,
            landed_at=now,
            file_name=source_file,
            content_hash=content,
            rows_read=len(rows),
            rows_accepted=len(rows),
        )
        final = entity_folder(paths.landing, target) / f"{batch.batch_id}.parquet"
        _write(final, target, rows, batch)
        relative = final.relative_to(paths.landing).as_posix()
        span = (date.fromisoformat(_FIRST_DAY), date.fromisoformat(OPEN_END))
        ledger.record(batch, [Slice("rules", name, SLICE_KEY, *span, rows_landed=len(rows), file=relative)])
        batches.append(batch)
    return batches


def _content_hash(target: Entity, rows: Sequence[Row]) -> str:
    """Hash of the rows and of the entity's columns, so that a change of the contract lands anew."""
    content = json.dumps([column_definitions(target), rows], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _write(final: Path, target: Entity, rows: Sequence[Row], batch: Batch) -> None:
    provenance = {
        "_batch_id": batch.batch_id,
        "_source_file": batch.file_name,
        "_landed_at": batch.landed_at.replace(tzinfo=None).isoformat(sep=" "),
        "_is_deleted": "false",
    }
    filled = [{**row, **provenance, "_source_row": number} for number, row in enumerate(rows, start=1)]
    incoming = pa.table(
        {
            column.name: pa.array([_as_text(row[column.name]) for row in filled], pa.string())
            for column in target.all_columns
        }
    )
    columns = ", ".join(
        f'cast("{column.name}" as {column.type}) as "{column.name}"' for column in target.all_columns
    )
    with duckdb.connect() as connection, atomic_file(final) as part:
        connection.register("incoming", incoming)
        connection.execute(
            f"copy (select {columns} from incoming) to ? (format parquet, compression zstd)", [str(part)]
        )


def _as_text(value: object) -> str | None:
    return None if value is None else str(value)
