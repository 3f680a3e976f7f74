"""How partners are scored: `rules/scorecard.yml` and `rules/targets.csv`.

What belongs here: the typed file of themes, weights and scales, the table of targets, their checks, and their
rows. What does not: scores (the models), and landing the rows (`connectors.rules`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from connectors.company import Code, Settings, read_model
from connectors.contract import OPEN_END
from connectors.errors import ConfigError, Place
from connectors.ruletables import FIRST_DAY, Line, Row, Table, read_number

FILE: Final = "rules/scorecard.yml"
TARGETS_FILE: Final = "rules/targets.csv"
REVENUE: Final = "sell_in_amount"
"""What a target in money is set for: sell-in of a period, spread over its months."""
TARGETS: Final = Table(
    "table of targets",
    ("measure_code", "period", "target_value"),
    optional=("partner_code", "segment_code"),
)

Number = Annotated[Decimal, Field(gt=-(10**6), lt=10**6, decimal_places=6)]


@dataclass(frozen=True)
class Subject:
    """A theme that Aval knows: its names, the measures it can go by, and its settings by default.

    Measures are shares, 0.8 = 80 %. `scale` is where the score is 0 and where it is 100. What is not shared,
    the partner does not see in its own scorecard.
    """

    name_fr: str
    name_en: str
    measures: tuple[str, ...]
    weight: int
    scale: tuple[str, str]
    benchmark: str | None = None
    is_shared: bool = True


SUBJECTS: Final[Mapping[str, Subject]] = {
    "volume": Subject(
        "Volume d'achat", "Volume", ("revenue_to_median_rate", "revenue_to_target_rate"), 15, ("0", "2")
    ),
    "growth": Subject(
        "Croissance", "Growth", ("sell_out_growth_rate", "sell_in_growth_rate"), 15, ("-0.2", "0.2"), "0"
    ),
    "sell_out": Subject(
        "Ventes aux clients finaux",
        "Sell-out",
        ("stock_rotation_rate", "sell_through_rate"),
        15,
        ("0", "0.8"),
        "0.6",
    ),
    "stock_health": Subject("Santé des stocks", "Stock health", ("healthy_stock_rate",), 10, ("0.3", "0.9")),
    "margin": Subject(
        "Marge", "Margin", ("pocket_margin_rate", "profit_rate"), 15, ("0", "0.4"), is_shared=False
    ),
    "payment": Subject("Paiement", "Payment", ("overdue_rate",), 10, ("0.5", "0")),
    "forecast_reliability": Subject(
        "Fiabilité des prévisions", "Forecast reliability", ("forecast_reliability_rate",), 5, ("0", "1")
    ),
    "reporting": Subject("Rapports", "Reporting", ("compliance_rate",), 5, ("0.5", "1")),
    "satisfaction": Subject("Satisfaction", "Satisfaction", ("net_promoter_rate",), 5, ("0", "0.5"), "0.3"),
    "training": Subject(
        "Formation et certification", "Training and certification", ("certification_rate",), 5, ("0", "1")
    ),
}
MEASURES: Final = (REVENUE, *(name for subject in SUBJECTS.values() for name in subject.measures))


class Theme(Settings):
    """A theme: what it weighs, what it goes by, and the figures that score 0 and 100."""

    weight: Annotated[Decimal, Field(ge=0, le=1000, decimal_places=3)]
    measure: str | None = None
    zero_at: Number | None = None
    full_at: Number | None = None
    benchmark: Number | None = None
    shared: bool | None = None


class Version(Settings):
    """What holds from a month on. Themes that it leaves out weigh nothing."""

    valid_from: date
    themes: dict[str, Theme]

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.valid_from.day != 1:
            raise ValueError("expected valid_from on the first day of a month")
        for name, theme in self.themes.items():
            if name not in SUBJECTS:
                raise ValueError(f"unknown theme {name!r}; expected one of {', '.join(SUBJECTS)}")
            known = SUBJECTS[name].measures
            if theme.measure is not None and theme.measure not in known:
                raise ValueError(f"{name} goes by {' or '.join(known)}, not by {theme.measure!r}")
            if (theme.zero_at is None) != (theme.full_at is None):
                raise ValueError(f"{name}: expected both 'zero_at' and 'full_at', or none of them")
            if theme.zero_at is not None and theme.zero_at == theme.full_at:
                raise ValueError(f"{name}: expected 'zero_at' and 'full_at' to differ")
            if theme.measure not in (None, known[0]) and theme.zero_at is None:
                raise ValueError(f"{name} by {theme.measure}: expected 'zero_at' and 'full_at'")
        if not any(theme.weight > 0 for theme in self.themes.values()):
            raise ValueError("expected a theme with a weight above 0")
        return self


class Scorecard(Settings):
    """`rules/scorecard.yml`; without it all themes count, with the weights and scales of `SUBJECTS`."""

    peers: Code | None = None
    minimum_weight_rate: Annotated[Decimal, Field(ge=0, le=1, decimal_places=6)] = Decimal("0.5")
    minimum_participants: int = Field(default=5, ge=2, le=1000)
    trend_points: Annotated[Decimal, Field(ge=0, le=100, decimal_places=4)] = Decimal(2)
    versions: Annotated[tuple[Version, ...], Field(min_length=1)] = (
        Version(
            valid_from=date.fromisoformat(FIRST_DAY),
            themes={name: Theme(weight=Decimal(subject.weight)) for name, subject in SUBJECTS.items()},
        ),
    )

    @model_validator(mode="after")
    def _versions_follow_one_another(self) -> Self:
        for former, later in itertools.pairwise(self.versions):
            if later.valid_from <= former.valid_from:
                raise ValueError("expected versions in order of valid_from")
        return self

    def rows(self) -> list[Row]:
        """One row per version and theme, all themes in each."""
        following = [version.valid_from.isoformat() for version in self.versions[1:]] + [OPEN_END]
        return [
            {
                "theme_code": name,
                "valid_from_date": version.valid_from.isoformat(),
                "valid_to_date": after,
                "theme_number": number,
                "theme_name_fr": subject.name_fr,
                "theme_name_en": subject.name_en,
                **_scale(subject, version.themes.get(name, Theme(weight=Decimal(0)))),
                "peer_scheme_code": self.peers,
                "minimum_weight_rate": str(self.minimum_weight_rate),
                "minimum_partner_count": self.minimum_participants,
                "trend_points": str(self.trend_points),
            }
            for version, after in zip(self.versions, following, strict=True)
            for number, (name, subject) in enumerate(SUBJECTS.items(), start=1)
        ]


def _scale(subject: Subject, theme: Theme) -> Row:
    """What a theme goes by; the benchmark of the first measure is no other's."""
    measure = theme.measure or subject.measures[0]
    zero_at = theme.zero_at if theme.zero_at is not None else subject.scale[0]
    full_at = theme.full_at if theme.full_at is not None else subject.scale[1]
    known = subject.benchmark if measure == subject.measures[0] else None
    benchmark = theme.benchmark if theme.benchmark is not None else known
    return {
        "measure_code": measure,
        "theme_weight": str(theme.weight),
        "zero_value": str(zero_at),
        "full_value": str(full_at),
        "benchmark_value": str(benchmark) if benchmark is not None else None,
        "is_shared": theme.shared if theme.shared is not None else subject.is_shared,
    }


def load_scorecard(company: Path) -> Scorecard:
    """`rules/scorecard.yml` of a company directory; the usual themes where the file is absent."""
    path = company / FILE
    return read_model(path, Scorecard) if path.is_file() else Scorecard()


# --- targets ---


def load_targets(company: Path) -> list[Row]:
    """`rules/targets.csv`, one row per partner or segment, measure and month; no rows without the file.

    ConfigError with file and line at the first fault.
    """
    path = company / TARGETS_FILE
    if not path.is_file():
        return []
    rows = []
    places: dict[tuple[str | None, ...], Place] = {}
    for line in TARGETS.read(path):
        for row in _by_month(line):
            key = tuple(
                row[name] for name in ("partner_code", "segment_code", "measure_code", "month_start_date")
            )
            if key in places:
                raise ConfigError(
                    "double_row",
                    f"a target for the same in {row['month_start_date'][:7]} stands in {places[key]} too",
                    "keep one of the lines, or let their periods not overlap",
                    line[1],
                )
            places[key] = line[1]
            rows.append(row)
    return rows


def _by_month(line: Line) -> list[Row]:
    """A line's rows by month; an amount is spread, so that the months add up to it."""
    row, place = line
    if (row["partner_code"] is None) == (row["segment_code"] is None):
        raise ConfigError(
            "invalid_row",
            "the line must name a partner_code or a segment_code, and not both",
            "fill in one of them; a partner's own target comes before its segment's",
            place,
        )
    if row["measure_code"] not in MEASURES:
        raise ConfigError(
            "unknown_measure",
            f"measure_code is {row['measure_code']!r}",
            f"expected one of {', '.join(MEASURES)}",
            place,
        )
    read_number(
        row,
        "target_value",
        place,
        digits=2 if row["measure_code"] == REVENUE else 6,
        accepts=lambda number: abs(number) < 10**11,
        expected="an amount with at most two decimals, or a share such as 0.05 with at most six",
    )
    months = months_of(row.pop("period"), place)
    value = Decimal(row.pop("target_value"))
    if row["measure_code"] != REVENUE:
        values = [value] * len(months)
    else:
        steps = [round(value * number / len(months), 2) for number in range(len(months) + 1)]
        values = [later - former for former, later in itertools.pairwise(steps)]
    return [
        {
            **row,
            "month_start_date": month.isoformat(),
            "target_value": str(target),
            "line_number": place.line,
        }
        for month, target in zip(months, values, strict=True)
    ]


def months_of(period: str, place: Place) -> list[date]:
    """The months of `2026`, `2026-Q1` or `2026-03`."""
    found = re.fullmatch(r"(\d{4})(?:-Q([1-4])|-(0[1-9]|1[0-2]))?", period)
    if found is None or int(found[1]) < 1:
        raise ConfigError(
            "invalid_period", f"period is {period!r}", "expected 2026, 2026-Q1 or 2026-03", place
        )
    year = int(found[1])
    if found[3]:
        return [date(year, int(found[3]), 1)]
    first, count = (3 * int(found[2]) - 2, 3) if found[2] else (1, 12)
    return [date(year, number, 1) for number in range(first, first + count)]
