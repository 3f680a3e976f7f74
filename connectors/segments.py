"""How partners are sorted into segments: `rules/segments.yml`.

What belongs here: the typed file of schemes, their versions and segments, its checks, and its rows. What does
not: which partner is in which segment and why (the models), and landing the rows (`connectors.rules`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from connectors.company import Code, LineFinder, Settings, read_model
from connectors.contract import OPEN_END
from connectors.ruletables import Row

FILE: Final = "rules/segments.yml"
SHARED: Final = ("revenue", "margin")
"""Measures whose cumulated share can be taken: amounts, which add up over partners."""
ATTRIBUTES: Final = ("territory", "region", "country", "channel", "erp_segment")
"""What a partner has by itself; such a scheme sorts by values and knows no bounds."""

Measure = Literal[
    "revenue",
    "margin",
    "margin_rate",
    "sell_through_rate",
    "business_customer_rate",
    "territory",
    "region",
    "country",
    "channel",
    "erp_segment",
]
Method = Literal["cumulated_share", "value", "attribute"]
Bound = Annotated[Decimal, Field(ge=-(10**11), lt=10**11, decimal_places=6)]


class Hysteresis(Settings):
    """How far past a bound, and how many months in a row, before a partner moves.

    `beyond` is in the unit of the bounds: a share of 0.02 is two points.
    """

    beyond: Annotated[Decimal, Field(ge=0, lt=10**11, decimal_places=6)] = Decimal(0)
    months: int = Field(default=1, ge=1, le=12)


class Segment(Settings):
    """A segment: from a bound or up to one, of listed values, of named partners, or of new ones."""

    code: Code
    name_fr: str
    name_en: str
    up_to: Bound | None = None
    from_: Bound | None = Field(default=None, alias="from")
    values: tuple[str, ...] = ()
    partners: tuple[Code, ...] = ()
    newer_than_months: int | None = Field(default=None, ge=1, le=60)

    @property
    def bound(self) -> Decimal | None:
        return self.from_ if self.from_ is not None else self.up_to

    @property
    def is_ranked(self) -> bool:
        """Whether the measure leads into it; into that of new partners it does not."""
        return self.newer_than_months is None


class Version(Settings):
    """What a scheme says from a month on, until its next version."""

    valid_from: date
    measure: Measure
    by: Literal["cumulated_share", "value"] = "value"
    window_months: int = Field(default=12, ge=1, le=36)
    hysteresis: Hysteresis = Hysteresis()
    segments: tuple[Segment, ...] = ()

    @property
    def method(self) -> Method:
        return "attribute" if self.measure in ATTRIBUTES else self.by

    @model_validator(mode="after")
    def _begins_with_a_month(self) -> Self:
        if self.valid_from.day != 1:
            raise ValueError("expected valid_from on the first day of a month")
        return self

    @model_validator(mode="after")
    def _segments_are_told_apart(self) -> Self:
        _refuse_twice((segment.code for segment in self.segments), "segment")
        _refuse_twice((name for segment in self.segments for name in segment.partners), "partner")
        _refuse_twice((value for segment in self.segments for value in segment.values), "value")
        if sum(not segment.is_ranked for segment in self.segments) > 1:
            raise ValueError("expected at most one segment with newer_than_months")
        return self

    @model_validator(mode="after")
    def _segments_fit_the_measure(self) -> Self:
        if self.by == "cumulated_share" and self.measure not in SHARED:
            raise ValueError(f"by: cumulated_share goes with the measures {' and '.join(SHARED)} only")
        if self.method == "attribute":
            self._check_attribute()
        else:
            self._check_ladder()
        return self

    def _check_attribute(self) -> None:
        if self.hysteresis != Hysteresis() or any(segment.bound is not None for segment in self.segments):
            raise ValueError(f"{self.measure} knows no bounds: expected 'values', without hysteresis")
        others = [s for s in self.segments if s.is_ranked and not s.values and not s.partners]
        if len(others) > 1:
            raise ValueError("expected at most one segment without 'values': the one for all others")

    def _check_ladder(self) -> None:
        key, wrong = ("up_to", "from") if self.method == "cumulated_share" else ("from", "up_to")
        ladder = [segment for segment in self.segments if segment.is_ranked]
        if not ladder:
            raise ValueError("expected at least one segment, the best first")
        if any(segment.values for segment in self.segments):
            raise ValueError(f"{self.measure} is a figure: expected '{key}' and no 'values'")
        if any((s.up_to if wrong == "up_to" else s.from_) is not None for s in self.segments) or any(
            segment.bound is not None for segment in self.segments if not segment.is_ranked
        ):
            raise ValueError(f"expected '{key}' for bounds, and none for new partners")
        bounds = [segment.bound for segment in ladder]
        given = [bound for bound in bounds[:-1] if bound is not None]
        if bounds[-1] is not None or len(given) < len(bounds) - 1:
            raise ValueError(f"expected '{key}' for each segment but the last, which takes the rest")
        rising = given if key == "up_to" else given[::-1]
        if any(later <= former for former, later in itertools.pairwise(rising)):
            raise ValueError(f"expected the best segment first, and '{key}' in that order")
        if any(later - former <= 2 * self.hysteresis.beyond for former, later in itertools.pairwise(rising)):
            raise ValueError("expected bounds further apart than twice hysteresis.beyond")
        if key == "up_to" and any(not 0 < bound <= 1 for bound in given):
            raise ValueError("expected shares: 0.50 is the half of all")


def _refuse_twice(names: Iterable[str], said: str) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise ValueError(f"the {said} {name!r} stands twice; keep one of them")
        seen.add(name)


class Scheme(Settings):
    """A way to sort partners, and its versions; a change is a new version below the old ones."""

    name_fr: str
    name_en: str
    versions: Annotated[tuple[Version, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _versions_follow_one_another(self) -> Self:
        for former, later in itertools.pairwise(self.versions):
            if later.valid_from <= former.valid_from:
                raise ValueError("expected versions in order of valid_from")
        return self

    def ranges(self) -> list[tuple[str, str, Version]]:
        """Each version with the first day on which it holds and the first on which it no longer does."""
        following = [version.valid_from.isoformat() for version in self.versions[1:]] + [OPEN_END]
        return [
            (version.valid_from.isoformat(), after, version)
            for version, after in zip(self.versions, following, strict=True)
        ]


class SegmentRules(Settings):
    """`rules/segments.yml`."""

    schemes: dict[Code, Scheme] = Field(default_factory=dict)

    def rows(self) -> list[Row]:
        """One row per scheme and version."""
        return [
            {
                "scheme_code": code,
                "scheme_name_fr": scheme.name_fr,
                "scheme_name_en": scheme.name_en,
                "valid_from_date": first,
                "valid_to_date": after,
                "measure_code": version.measure,
                "method_code": version.method,
                "window_months": version.window_months,
                "hysteresis_value": str(version.hysteresis.beyond),
                "hysteresis_months": version.hysteresis.months,
            }
            for code, scheme in self.schemes.items()
            for first, after, version in scheme.ranges()
        ]

    def segment_rows(self) -> list[Row]:
        """One row per scheme, version and segment; `segment_number` is 1 for the best."""
        return [
            {
                "scheme_code": code,
                "valid_from_date": first,
                "segment_number": number,
                "segment_code": segment.code,
                "segment_name_fr": segment.name_fr,
                "segment_name_en": segment.name_en,
                "bound_value": str(segment.bound) if segment.bound is not None else None,
                "newer_than_months": segment.newer_than_months,
            }
            for code, scheme in self.schemes.items()
            for first, _, version in scheme.ranges()
            for number, segment in enumerate(_best_first(version.segments), start=1)
        ]

    def member_rows(self, line: LineFinder = lambda _: None) -> list[Row]:
        """One row per scheme, version and partner or value that a segment names; `line` knows the file."""
        return [
            {
                "scheme_code": code,
                "valid_from_date": first,
                "segment_code": segment.code,
                "member_kind_code": kind,
                "member_code": member,
                "line_number": line(
                    ("schemes", code, "versions", version_at, "segments", segment_at, f"{kind}s", member_at)
                ),
            }
            for code, scheme in self.schemes.items()
            for version_at, (first, _, version) in enumerate(scheme.ranges())
            for segment_at, segment in enumerate(version.segments)
            for kind, members in (("partner", segment.partners), ("value", segment.values))
            for member_at, member in enumerate(members)
        ]


def _best_first(segments: tuple[Segment, ...]) -> list[Segment]:
    """As written, but that of new partners last: it has no place among the others."""
    return sorted(segments, key=lambda segment: not segment.is_ranked)


def load_segments(company: Path) -> SegmentRules:
    """`rules/segments.yml` of a company directory; no schemes where the file is absent."""
    path = company / FILE
    return read_model(path, SegmentRules) if path.is_file() else SegmentRules()
