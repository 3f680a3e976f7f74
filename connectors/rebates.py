"""Rebate programmes as the company writes them down (`rules/rebates.yml`), and what was paid under them.

What belongs here: the typed file, its checks, and its rows. What does not: what a programme gives to whom,
which the models work out, and landing the rows (`connectors.rules`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from connectors.company import Code, Settings, read_model
from connectors.contract import OPEN_END
from connectors.errors import ConfigError, Place
from connectors.ruletables import Row, Table, read_date, read_number

FILE: Final = "rules/rebates.yml"
PAYMENTS_FILE: Final = "rules/rebate_payments.csv"
PAYMENTS: Final = Table(
    "table of rebate payments",
    ("programme_code", "partner_code", "period_start_date", "payment_date", "paid_amount", "reference"),
)

Share = Annotated[Decimal, Field(gt=0, le=1, max_digits=7, decimal_places=6)]
Money = Annotated[Decimal, Field(ge=0, lt=10**12, decimal_places=2)]
Threshold = Annotated[Decimal, Field(ge=0, lt=10**12, decimal_places=6)]
Value = Annotated[Decimal, Field(ge=0, lt=10**12, decimal_places=3)]
Form = Literal["flat", "all_units", "stepped", "growth", "target", "loyalty"]


class Entitlement(Settings):
    """What a tier gives beside money, from the month after the one in which the tier was reached on.

    It lasts `months`.
    """

    code: Code
    months: int = Field(ge=1, le=120)


class Tier(Settings):
    """A tier, reached `from` a value on (included) or `above` one.

    It gives exactly one of a `rate` of the amount, an amount `per_unit`, and a fixed `amount`.
    """

    from_: Threshold | None = Field(default=None, alias="from")
    above: Threshold | None = None
    rate: Annotated[Decimal, Field(ge=0, le=1, max_digits=7, decimal_places=6)] | None = None
    per_unit: Annotated[Decimal, Field(ge=0, lt=10**9, decimal_places=4)] | None = None
    amount: Money | None = None
    entitlements: tuple[Entitlement, ...] = ()

    @model_validator(mode="after")
    def _is_one_thing(self) -> Tier:
        if (self.from_ is None) == (self.above is None):
            raise ValueError("expected exactly one of 'from' and 'above'")
        if sum(value is not None for value in (self.rate, self.per_unit, self.amount)) != 1:
            raise ValueError("expected exactly one of 'rate', 'per_unit' and 'amount'")
        codes = [entitlement.code for entitlement in self.entitlements]
        if len(set(codes)) < len(codes):
            raise ValueError("an entitlement stands twice in one tier; keep one of them")
        return self

    @property
    def value(self) -> Decimal:
        """Where the tier begins."""
        return (self.from_ or Decimal(0)) + (self.above or Decimal(0))

    @property
    def reward(self) -> str:
        """The kind of its reward."""
        return "rate" if self.rate is not None else "per_unit" if self.per_unit is not None else "amount"


class PartnerNames(Settings):
    """Partners by code, group, segment, channel and territory."""

    codes: tuple[Code, ...] = ()
    groups: tuple[Code, ...] = ()
    segments: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()


class ProductNames(Settings):
    """Products by code and family."""

    codes: tuple[str, ...] = ()
    families: tuple[str, ...] = ()


class Beneficiaries(PartnerNames):
    """Who takes part: who is named under each key that is given; all where none is. `except` takes out."""

    except_: PartnerNames = Field(default=PartnerNames(), alias="except")


class Products(ProductNames):
    """What counts: what is named by code or by family; everything where nothing is. `except` takes out."""

    except_: ProductNames = Field(default=ProductNames(), alias="except")


class Minimum(Settings):
    """A part of a bundle or mix: that much of one product or family, as a value or a share of all."""

    product: str | None = None
    family: str | None = None
    value: Value | None = None
    share: Share | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Minimum:
        if (self.product is None) == (self.family is None):
            raise ValueError("expected exactly one of 'product' and 'family'")
        if (self.value is None) == (self.share is None):
            raise ValueError("expected exactly one of 'value' and 'share'")
        return self


class Condition(Settings):
    """A condition on a share; `when_unknown` says what becomes of the rebate if nothing is known of it."""

    minimum_share: Share = Decimal(1)
    when_unknown: Literal["grant", "withhold"] = "withhold"


class Certified(Settings):
    """The partner is certified at the month's end, by the trainings that the company connects; of a group
    each partner that purchases. `certification` names the one that is asked for; any counts without it.
    """

    certification: str | None = None
    when_unknown: Literal["grant", "withhold"] = "withhold"


class Conditions(Settings):
    """What must hold besides, or nothing is due."""

    paid_on_time: Condition | None = None
    reporting_complete: Condition | None = None
    certified: Certified | None = None


class Version(Settings):
    """A programme's terms for a range of dates. Its periods follow one another from `valid_from` on."""

    valid_from: date
    valid_to: date | None = None
    period_months: Literal[1, 2, 3, 4, 6, 12] = 12
    form: Form
    basis: Literal["ordered", "delivered", "invoiced", "paid"] = "invoiced"
    measure: Literal["units", "amount"] = "amount"
    growth_on: Literal["all", "increment"] = "all"
    counts_together: bool = False
    partners: Beneficiaries = Beneficiaries()
    products: Products = Products()
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    minimums: tuple[Minimum, ...] = ()
    targets: dict[Code, Annotated[Decimal, Field(gt=0, lt=10**12, decimal_places=3)]] = Field(
        default_factory=dict
    )
    cap_amount: Money | None = None
    floor_amount: Money | None = None
    minimum_payment_amount: Money | None = None
    instalment_months: Literal[1, 2, 3, 4, 6] | None = None
    conditions: Conditions = Conditions()

    def overlaps(self, other: Version) -> bool:
        """Whether both hold on some day."""
        return (self.valid_to is None or other.valid_from < self.valid_to) and (
            other.valid_to is None or self.valid_from < other.valid_to
        )

    @model_validator(mode="after")
    def _periods_are_whole(self) -> Version:
        ends = self.valid_to
        if self.valid_from.day != 1 or (ends is not None and ends.day != 1):
            raise ValueError("expected valid_from and valid_to on the first day of a month")
        if ends is not None:
            if ends <= self.valid_from:
                raise ValueError(
                    "valid_to is not after valid_from; it is the first day without the programme"
                )
            months = (ends.year - self.valid_from.year) * 12 + ends.month - self.valid_from.month
            if months % self.period_months:
                raise ValueError(
                    f"from valid_from to valid_to are {months} months; expected whole periods of "
                    f"{self.period_months} months"
                )
        if self.instalment_months is not None and self.period_months % self.instalment_months:
            raise ValueError("expected instalment_months that divide period_months")
        return self

    @model_validator(mode="after")
    def _tiers_fit(self) -> Version:
        if self.form == "flat" and len(self.tiers) > 1:
            raise ValueError("form flat has one tier; expected all_units or stepped with several")
        for former, later in itertools.pairwise(self.tiers):
            same = former.value == later.value and former.from_ is not None and later.above is not None
            if later.value < former.value or (later.value == former.value and not same):
                raise ValueError("expected tiers in ascending order")
        if len({tier.reward for tier in self.tiers}) > 1:
            raise ValueError("expected the same kind of reward (rate, per_unit or amount) in all tiers")
        if self.form == "stepped" and self.measure == "amount" and self.tiers[0].reward == "per_unit":
            raise ValueError("stepped tiers of amounts give rates; expected 'rate', or measure: units")
        if self.growth_on == "increment" and (self.form != "growth" or self.tiers[0].reward != "rate"):
            raise ValueError("growth_on: increment goes with form growth and rates only")
        return self

    @model_validator(mode="after")
    def _targets_fit(self) -> Version:
        if (self.form == "target") != bool(self.targets):
            raise ValueError("expected 'targets' with form target, and only with it")
        if self.counts_together and not self.partners.groups:
            raise ValueError("counts_together adds up the partners of a group: expected partners.groups")
        if (
            self.cap_amount is not None
            and self.floor_amount is not None
            and self.cap_amount < self.floor_amount
        ):
            raise ValueError("expected floor_amount <= cap_amount")
        return self


class Programme(Settings):
    """A programme and its versions.

    Of the programmes of one `exclusive_group`, a purchase counts in the one with the lowest `order` only.
    """

    name_fr: str
    name_en: str
    order: int = Field(default=100, ge=0)
    exclusive_group: Code | None = None
    versions: Annotated[tuple[Version, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _versions_follow_one_another(self) -> Programme:
        for former, later in itertools.pairwise(self.versions):
            if former.valid_to is None or former.valid_to > later.valid_from:
                raise ValueError(
                    f"the version of {former.valid_from} still holds on {later.valid_from}; "
                    "end it with valid_to"
                )
        return self


class Rebates(Settings):
    """`rules/rebates.yml`."""

    groups: dict[Code, Annotated[tuple[Code, ...], Field(min_length=1)]] = Field(default_factory=dict)
    programmes: dict[Code, Programme] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _groups_are_known(self) -> Rebates:
        for code, programme in self.programmes.items():
            for version in programme.versions:
                for group in (*version.partners.groups, *version.partners.except_.groups):
                    if group not in self.groups:
                        raise ValueError(
                            f"{code} names the group {group!r}, which does not stand under groups"
                        )
                if version.counts_together:
                    partners = [
                        partner for group in version.partners.groups for partner in self.groups[group]
                    ]
                    if len(set(partners)) < len(partners):
                        raise ValueError(f"{code} counts groups together that share a partner")
        return self

    @model_validator(mode="after")
    def _order_decides(self) -> Rebates:
        taken: dict[tuple[str, int], str] = {}
        for code, programme in self.programmes.items():
            if programme.exclusive_group is not None:
                former = taken.setdefault((programme.exclusive_group, programme.order), code)
                if former != code:
                    raise ValueError(
                        f"{former} and {code} have the same order in the exclusive group "
                        f"{programme.exclusive_group!r}: nothing says which comes first"
                    )
        return self

    @model_validator(mode="after")
    def _exclusive_programmes_count_once(self) -> Rebates:
        """Goods that are ordered and paid are two purchases: only what is invoiced is known of both."""
        exclusive = sorted(
            (programme.exclusive_group, programme.order, code)
            for code, programme in self.programmes.items()
            if programme.exclusive_group is not None
        )
        for (group, _, first), (later_group, _, later) in itertools.combinations(exclusive, 2):
            if group != later_group:
                continue
            for former, version in itertools.product(
                self.programmes[first].versions, self.programmes[later].versions
            ):
                allowed = dict.fromkeys((former.basis, "invoiced"))
                if version.basis not in allowed and former.overlaps(version):
                    raise ValueError(
                        f"{later} counts what is {version.basis} and {first}, which comes first in the "
                        f"exclusive group {group!r}, what is {former.basis}: the same goods would count in "
                        f"both; expected basis: {' or '.join(allowed)}"
                    )
        return self

    def programme_rows(self) -> list[Row]:
        """One row per programme and version."""
        return [_programme_row(code, programme, version) for code, programme, version in self._versions()]

    def tier_rows(self) -> list[Row]:
        """One row per tier."""
        return [
            {
                **_key(code, version),
                "tier_number": number,
                "from_value": tier.value,
                "is_from_included": tier.from_ is not None,
                "reward_kind_code": tier.reward,
                "reward_value": getattr(tier, tier.reward),
            }
            for code, _, version in self._versions()
            for number, tier in enumerate(version.tiers, start=1)
        ]

    def entitlement_rows(self) -> list[Row]:
        """One row per entitlement of a tier."""
        return [
            {
                **_key(code, version),
                "tier_number": number,
                "entitlement_code": entitlement.code,
                "duration_months": entitlement.months,
            }
            for code, _, version in self._versions()
            for number, tier in enumerate(version.tiers, start=1)
            for entitlement in tier.entitlements
        ]

    def scope_rows(self) -> list[Row]:
        """Whom and what a version covers or leaves out, its minimums and targets, one row each."""
        return [
            {**_key(code, version), **row}
            for code, _, version in self._versions()
            for row in self._scopes(version)
        ]

    def _versions(self) -> Iterator[tuple[str, Programme, Version]]:
        for code, programme in sorted(self.programmes.items()):
            for version in programme.versions:
                yield code, programme, version

    def _scopes(self, version: Version) -> Iterator[Row]:
        for role, names in (("include", version.partners), ("exclude", version.partners.except_)):
            members: dict[str, str | None] = dict.fromkeys(names.codes)
            members |= {partner: group for group in names.groups for partner in self.groups[group]}
            for partner, group in sorted(members.items()):
                together = group if version.counts_together and role == "include" else None
                yield _scope(role, "partner", partner, group=together)
            yield from (_scope(role, "segment", code) for code in sorted(set(names.segments)))
            yield from (_scope(role, "channel", code) for code in sorted(set(names.channels)))
            yield from (_scope(role, "territory", code) for code in sorted(set(names.territories)))
        for role, things in (("include", version.products), ("exclude", version.products.except_)):
            yield from (_scope(role, "product", code) for code in sorted(set(things.codes)))
            yield from (_scope(role, "family", code) for code in sorted(set(things.families)))
        for minimum in version.minimums:
            dimension, code = ("product", minimum.product) if minimum.product else ("family", minimum.family)
            yield _scope("minimum", dimension, str(code), value=minimum.value, share=minimum.share)
        for partner, target in sorted(version.targets.items()):
            yield _scope("target", "partner", partner, value=target)


def _key(code: str, version: Version) -> Row:
    return {"programme_code": code, "valid_from_date": version.valid_from.isoformat()}


def _scope(
    role: str,
    dimension: str,
    code: str,
    *,
    group: str | None = None,
    value: Decimal | None = None,
    share: Decimal | None = None,
) -> Row:
    return {
        "role_code": role,
        "dimension_code": dimension,
        "scope_code": code,
        "group_code": group,
        "scope_value": value,
        "scope_share_rate": share,
    }


def _programme_row(code: str, programme: Programme, version: Version) -> Row:
    conditions = version.conditions
    paid, reported, certified = (
        conditions.paid_on_time,
        conditions.reporting_complete,
        conditions.certified,
    )
    return {
        **_key(code, version),
        "valid_to_date": version.valid_to.isoformat() if version.valid_to else OPEN_END,
        "programme_name_fr": programme.name_fr,
        "programme_name_en": programme.name_en,
        "programme_order": programme.order,
        "exclusive_group_code": programme.exclusive_group,
        "period_months": version.period_months,
        "form_code": version.form,
        "basis_code": version.basis,
        "measure_code": version.measure,
        "is_on_increment": version.growth_on == "increment",
        "cap_amount": version.cap_amount,
        "floor_amount": version.floor_amount,
        "minimum_payment_amount": version.minimum_payment_amount,
        "instalment_months": version.instalment_months,
        "paid_on_time_minimum_rate": paid.minimum_share if paid else None,
        "paid_on_time_when_unknown_code": paid.when_unknown if paid else None,
        "reporting_minimum_rate": reported.minimum_share if reported else None,
        "reporting_when_unknown_code": reported.when_unknown if reported else None,
        "certified_when_unknown_code": certified.when_unknown if certified else None,
        "certification_code": certified.certification if certified else None,
    }


def load_rebates(company: Path) -> Rebates:
    """`rules/rebates.yml` of a company directory; no programmes where the file is absent."""
    path = company / FILE
    return read_model(path, Rebates) if path.is_file() else Rebates()


def load_rebate_payments(company: Path, rebates: Rebates) -> list[Row]:
    """`rules/rebate_payments.csv`: what was paid or credited to partners under a programme, in the company's
    currency; negative for what came back. ConfigError with the line that names no period of a programme.
    """
    path = company / PAYMENTS_FILE
    if not path.is_file():
        return []
    lines = PAYMENTS.read(path)
    for row, place in lines:
        read_date(row, "period_start_date", place)
        read_date(row, "payment_date", place)
        read_number(
            row,
            "paid_amount",
            place,
            digits=2,
            accepts=lambda number: number != 0 and abs(number) < 10**12,
            expected="an amount other than 0 with at most two decimals, negative for what came back",
        )
        _refuse_strange_period(row, place, rebates.programmes.get(row["programme_code"]), rebates)
    return [row for row, _ in lines]


def _refuse_strange_period(row: Row, place: Place, programme: Programme | None, rebates: Rebates) -> None:
    if programme is None:
        raise ConfigError(
            "unknown_programme",
            f"programme_code is {row['programme_code']!r}",
            f"expected one of {', '.join(sorted(rebates.programmes)) or 'none: rules/rebates.yml has none'}",
            place,
        )
    day = date.fromisoformat(row["period_start_date"])
    if not any(_begins_period(version, day) for version in programme.versions):
        raise ConfigError(
            "unknown_period",
            f"period_start_date is {day}, on which no period of {row['programme_code']} begins",
            "name the first day of the period that the payment settles",
            place,
        )


def _begins_period(version: Version, day: date) -> bool:
    months = (day.year - version.valid_from.year) * 12 + day.month - version.valid_from.month
    holds = version.valid_from <= day and (version.valid_to is None or day < version.valid_to)
    return holds and day.day == 1 and months % version.period_months == 0


def rebate_rows(company: Path) -> dict[str, tuple[Sequence[dict[str, Any]], str]]:
    """The rows of all rebate entities of the contract, each with the file they come from."""
    rebates = load_rebates(company)
    return {
        "rebate_programmes": (rebates.programme_rows(), FILE),
        "rebate_tiers": (rebates.tier_rows(), FILE),
        "rebate_scopes": (rebates.scope_rows(), FILE),
        "rebate_entitlements": (rebates.entitlement_rows(), FILE),
        "rebate_payments": (load_rebate_payments(company, rebates), PAYMENTS_FILE),
    }
