"""Promises on the ERP's master data (partners, products and the like), costs and orders for our own stock."""

from __future__ import annotations

from great_expectations.expectations.expectation import Expectation

from expectations.hub import ERP_KEYS, Hub
from expectations.terms import Terms
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, not_empty, one_row_per, refers_to

REQUIRED = {
    "partners": ("partner_code", "partner_name", "channel_code", "currency_code", "is_active"),
    "partner_terms": ("partner_code", "valid_from_date", "valid_to_date"),
    "products": ("product_code", "product_name", "family_code", "base_unit_code", "is_active"),
    "product_units": ("product_code", "unit_code", "base_quantity"),
    "product_costs": (
        "product_code",
        "valid_from_date",
        "valid_to_date",
        "unit_cost_amount",
        "currency_code",
    ),
    "landed_cost_elements": (
        "product_code",
        "element_code",
        "valid_from_date",
        "valid_to_date",
        "unit_cost_amount",
        "currency_code",
    ),
    "partner_prices": (
        "partner_code",
        "product_code",
        "valid_from_date",
        "valid_to_date",
        "unit_price_amount",
        "currency_code",
    ),
    "discount_approvals": (
        "approval_number",
        "partner_code",
        "valid_from_date",
        "valid_to_date",
        "approved_rate",
        "approved_by",
        "approved_date",
    ),
    "deal_registrations": (
        "registration_number",
        "partner_code",
        "registered_at",
        "currency_code",
        "status_code",
    ),
    "supply_lines": (
        "supply_number",
        "supply_line_number",
        "product_code",
        "ordered_date",
        "ordered_quantity",
        "is_open",
    ),
    "programme_costs": ("cost_number", "cost_step_code", "cost_date", "cost_amount", "currency_code"),
}
"""Columns of landed master data, booked costs and orders for our own stock that are never NULL."""

COSTS = ("product_costs", "landed_cost_elements")
"""Entities whose amounts are taken as they are, in the company's currency."""

ALWAYS_THERE = ("partners", "products")
"""Entities without which no figure can be made."""

MAPPING = (
    "Correct the record in the ERP, or the mapping query of this entity in the company directory, "
    "and run again."
)


def _are_known(kind: str, kinds: str, table: str, column: str) -> Expectation:
    return no_finding(
        f"""
        select
            named.source_file || coalesce(', line ' || named.line_number, '') as place,
            named.name_code,
            arg_max(
                known.{column}, jaro_winkler_similarity(known.{column}, named.name_code)
            ) as nearest_code
        from {{batch}} as named
        cross join landing.{table} as known
        where named.kind_code = '{kind}'
            and named.name_code not in (select {column} from landing.{table})
        group by all
        order by all
        """,
        name=f"{kinds}_are_known",
        severity="warning",
        message=f"A rule names a {kind} that the ERP does not have: it holds for nobody, and a budget of it "
        "is one that nobody fulfils.",
        remedy="Correct the code in that file, or remove it.",
        found=f"{{place}}: {{name_code}}; expected a {kind} of the ERP, such as {{nearest_code}}",
        column="name_code",
    )


def _names_in_rules(hub: Hub) -> Suite:
    expectations = [
        _are_known("partner", "partners", "newest_partners", "partner_code"),
        _are_known("channel", "channels", "channels", "channel_code"),
    ]
    if "landing.newest_products" in hub.tables():
        expectations += [
            _are_known("product", "products", "newest_products", "product_code"),
            _are_known("family", "families", "newest_products", "family_code"),
        ]
    # Regions and territories come of postal codes, which the warehouse resolves: landing cannot say them.
    if not hub.execute("from landing.peer_schemes where measure_code in ('region', 'territory')"):
        expectations.append(
            no_finding(
                """
                select named.source_file, named.line_number, named.name_code,
                    coalesce(
                        'such as ' || arg_max(
                            peers.segment_code,
                            jaro_winkler_similarity(peers.segment_code, named.name_code)
                        ),
                        'but peers names no scheme that rules/segments.yml has'
                    ) as expected_text
                from {batch} as named
                left join landing.peer_segments as peers on true
                where named.kind_code = 'segment'
                    and named.name_code not in (select segment_code from landing.peer_segments)
                group by all
                order by all
                """,
                name="segments_are_known",
                severity="warning",
                message="A target is set for a segment that the scheme of peers does not have: it holds for "
                "nobody.",
                remedy="Correct segment_code in that line, or peers in rules/scorecard.yml.",
                found="{source_file}, line {line_number}: {name_code}; expected a segment of the scheme of "
                "peers, {expected_text}",
                column="name_code",
            )
        )
    return Suite("landing.names_in_rules", tuple(expectations))


def _stock_adjustments() -> Suite:
    return Suite(
        "landing.stock_adjustments",
        (
            no_finding(
                """
                select _source_file, partner_code, product_code, adjustment_date
                from {batch}
                where partner_code not in (select partner_code from landing.newest_partners)
                    or product_code not in (select product_code from landing.newest_products)
                order by all
                """,
                name="partners_and_products_are_known",
                severity="critical",
                message="A stock adjustment names a partner or a product that the ERP does not have: the "
                "stock would be nobody's.",
                remedy="Correct the code in that line, or remove the line.",
                found="{_source_file}: partner {partner_code}, product {product_code} of {adjustment_date}",
                column="product_code",
            ),
        ),
    )


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    found = []
    for entity, required in REQUIRED.items():
        table = f"landing.{entity}"
        if not (entity in ALWAYS_THERE or hub.delivers(entity)):
            continue
        expectations = [
            not_empty(
                severity="critical" if entity in ALWAYS_THERE else "warning",
                message=f"The ERP delivered no {entity.replace('_', ' ')}.",
                remedy="Check the connection and the rights of the ERP user, and the mapping query; "
                "`aval doctor` tries both.",
            ),
            one_row_per(
                *ERP_KEYS[entity],
                severity="critical",
                message=f"The ERP delivered the same key of {entity.replace('_', ' ')} twice in one "
                "extract: every figure joined to it would be doubled.",
                remedy=MAPPING,
            ),
            filled(*required, severity="critical", remedy=MAPPING),
        ]
        if entity != "partners" and "partner_code" in required:
            expectations.append(
                refers_to(
                    "partner_code",
                    "landing.partners",
                    "partner_code",
                    severity="warning",
                    remedy="Check that the mapping query of partners does not filter them out.",
                )
            )
        if {"valid_from_date", "valid_to_date"} <= set(required):
            expectations += [
                no_row_where(
                    "valid_to_date <= valid_from_date",
                    name="range_of_dates_is_not_empty",
                    show=(*ERP_KEYS[entity], "valid_to_date"),
                    severity="warning",
                    message="A range of dates ends before it begins, so it never applies.",
                    remedy=MAPPING,
                ),
            ]
        if entity == "product_units":
            expectations.append(
                no_row_where(
                    "base_quantity <= 0",
                    name="base_quantity_is_positive",
                    show=("product_code", "unit_code", "base_quantity"),
                    severity="critical",
                    message="A unit holds no base units: quantities in it would vanish or change sign.",
                    remedy=MAPPING,
                    column="base_quantity",
                )
            )
        if entity in COSTS:
            expectations.append(
                no_row_where(
                    f"currency_code <> '{terms.currency}'",
                    name="currency_is_the_companys",
                    show=("product_code", "valid_from_date", "currency_code"),
                    severity="critical",
                    message=f"A cost is in another currency than {terms.currency}: costs are not converted.",
                    remedy=f"Convert it to {terms.currency} in the mapping query of this entity in the "
                    "company directory, and run again.",
                    column="currency_code",
                )
            )
        found.append(Suite(table, tuple(expectations)))
    if "landing.newest_partners" in hub.tables():
        found.append(_names_in_rules(hub))
    if {"landing.stock_adjustments", "landing.newest_partners", "landing.newest_products"} <= set(
        hub.tables()
    ):
        found.append(_stock_adjustments())
    return found
