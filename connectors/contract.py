"""The canonical entities and their columns: the one list that landing, checks, docs and staging follow.

An ERP connector or a report reader delivers exactly these columns, in this order, followed by the
provenance columns of `PROVENANCE`. A column that a source does not have is NULL; a column that is
`required` is never NULL in an accepted row. Types are DuckDB type names. Quantities are in the unit
named by the row's `unit_code`; money is in the row's `currency_code`. Ranges of dates are half-open:
`valid_from_date <= d < valid_to_date`, with `9999-12-31` for "still valid".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MONEY: Final = "DECIMAL(18,4)"
QUANTITY: Final = "DECIMAL(18,3)"
RATE: Final = "DECIMAL(9,6)"
FACTOR: Final = "DECIMAL(18,6)"
OPEN_END: Final = "9999-12-31"


@dataclass(frozen=True)
class Column:
    """A canonical column: its name, DuckDB type, meaning, and whether it may be NULL."""

    name: str
    type: str
    description: str
    required: bool = False


@dataclass(frozen=True)
class Entity:
    """A canonical entity: what one row is (`grain`), its key, and its columns in order.

    `date_column` names the document date that decides in which slice (month) a row counts;
    it is None for master data. `secret_columns` are given by the source and never land; the
    `derived_columns` among `columns` are made of them at intake.
    """

    system: str
    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    date_column: str | None = None
    secret_columns: tuple[Column, ...] = ()
    derived_columns: tuple[str, ...] = ()

    @property
    def asked_columns(self) -> tuple[Column, ...]:
        """What a source gives: the business columns that are not made at intake, and those that never land,
        before the last one, `updated_at`.
        """
        given = tuple(column for column in self.columns if column.name not in self.derived_columns)
        return (*given[:-1], *self.secret_columns, *given[-1:])

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Business columns followed by the provenance columns."""
        return self.columns + PROVENANCE

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


PROVENANCE: Final = (
    Column("_batch_id", "VARCHAR", "The file or extract that brought the row (intake ledger).", True),
    Column("_source_file", "VARCHAR", "File name, or system and query, that the row came from.", True),
    Column(
        "_source_row",
        "BIGINT",
        "Row in the file (1 = first line of the file), or in the extract.",
        True,
    ),
    Column("_landed_at", "TIMESTAMP", "When the batch was landed (UTC).", True),
    Column(
        "_is_deleted",
        "BOOLEAN",
        "True for the mark left by a document that the source no longer has.",
        True,
    ),
)


def _c(name: str, type_: str, description: str) -> Column:
    return Column(name, type_, description)


def _r(name: str, type_: str, description: str) -> Column:
    return Column(name, type_, description, required=True)


_UPDATED = _c("updated_at", "TIMESTAMP", "Last change in the source (UTC); the cursor of incremental pulls.")
_LINE = _c("line_number", "BIGINT", "Line of the file in which it stands.")
_CURRENCY = _r("currency_code", "VARCHAR", "ISO 4217.")
_VALID = (
    _r("valid_from_date", "DATE", "First day on which the row holds."),
    _r("valid_to_date", "DATE", "First day on which it no longer holds; 9999-12-31 while it does."),
)

ERP_ENTITIES: Final = (
    Entity(
        "erp",
        "partners",
        "one partner (distributor, reseller, direct customer)",
        ("partner_code",),
        (
            _r("partner_code", "VARCHAR", "The company's own code of the partner."),
            _r("partner_name", "VARCHAR", "Legal or trade name."),
            _r(
                "channel_code",
                "VARCHAR",
                "Channel: regional_distributor, trade_counter, online_reseller, direct, or the company's own.",
            ),
            _c("segment_code", "VARCHAR", "Segment as the ERP has it."),
            _c("siret", "VARCHAR", "French establishment number, 14 digits."),
            _c("gln", "VARCHAR", "GS1 location number, 13 digits."),
            _c("vat_number", "VARCHAR", "VAT number."),
            _c("country_code", "VARCHAR", "ISO 3166 alpha-2."),
            _c("postal_code", "VARCHAR", "Postal code of the head office."),
            _c("city", "VARCHAR", "City of the head office."),
            _CURRENCY,
            _r("is_active", "BOOLEAN", "Whether the partner still trades."),
            _c("created_date", "DATE", "First day as a partner."),
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "partner_terms",
        "one partner x range of dates",
        ("partner_code", "valid_from_date"),
        (
            _r("partner_code", "VARCHAR", "Partner."),
            *_VALID,
            _c("price_list_code", "VARCHAR", "Price list that applies."),
            _c("discount_rate", RATE, "Contractual on-invoice discount, 0.25 = 25 %."),
            _c("payment_term_days", "INTEGER", "Days from invoice to due date."),
            _c("transit_days", "INTEGER", "Days from shipment to arrival."),
            _c("segment_code", "VARCHAR", "Segment in that range."),
            _c("channel_code", "VARCHAR", "Channel in that range; NULL: the one that the partner has now."),
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "partner_territories",
        "one partner x territory x product family x range of dates",
        ("partner_code", "territory_code", "family_code", "valid_from_date"),
        (
            _r("partner_code", "VARCHAR", "Partner."),
            _r(
                "territory_code",
                "VARCHAR",
                "Territory unit: French postal code (42000), departement (75, 2A, 971) or region (R84), "
                "ISO country, or country and postal code (BE-4000).",
            ),
            _r("family_code", "VARCHAR", "Product family the grant is limited to; '*' for all."),
            _r("is_exclusive", "BOOLEAN", "Whether the grant is exclusive."),
            *_VALID,
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "products",
        "one product",
        ("product_code",),
        (
            _r("product_code", "VARCHAR", "The company's own product code."),
            _r("product_name", "VARCHAR", "Description."),
            _r("family_code", "VARCHAR", "Product family."),
            _c("family_name", "VARCHAR", "Name of the family."),
            _c("gtin", "VARCHAR", "GTIN of the base unit, 8, 12, 13 or 14 digits."),
            _r("base_unit_code", "VARCHAR", "Unit in which facts are counted."),
            _c("launch_date", "DATE", "First day on sale."),
            _c(
                "supply_lead_days",
                "INTEGER",
                "Days from ordering it (production or purchase) to its arrival in our warehouse.",
            ),
            _r("is_active", "BOOLEAN", "Whether it is still sold."),
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "product_units",
        "one product x unit",
        ("product_code", "unit_code"),
        (
            _r("product_code", "VARCHAR", "Product."),
            _r("unit_code", "VARCHAR", "Unit: PCE, BOX, PAL, or the company's own."),
            _r("base_quantity", QUANTITY, "Base units in one of this unit (> 0)."),
            _c("gtin", "VARCHAR", "GTIN of this packing."),
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "product_costs",
        "one product x range of dates",
        ("product_code", "valid_from_date"),
        (
            _r("product_code", "VARCHAR", "Product."),
            *_VALID,
            _r("unit_cost_amount", MONEY, "Standard cost of one base unit."),
            _c(
                "actual_unit_cost_amount",
                MONEY,
                "Actual cost of one base unit (weighted mean, last purchase), where the ERP keeps one.",
            ),
            _CURRENCY,
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "landed_cost_elements",
        "one product x element of landed cost x range of dates",
        ("product_code", "element_code", "valid_from_date"),
        (
            _r("product_code", "VARCHAR", "Product."),
            _r(
                "element_code",
                "VARCHAR",
                "What the cost is for: freight_in, customs, material_surcharge, or the company's own.",
            ),
            *_VALID,
            _r("unit_cost_amount", MONEY, "What it adds to the cost of one base unit."),
            _CURRENCY,
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "product_prices",
        "one product x price list x range of dates",
        ("product_code", "price_list_code", "valid_from_date"),
        (
            _r("product_code", "VARCHAR", "Product."),
            _r("price_list_code", "VARCHAR", "Price list."),
            *_VALID,
            _r("unit_price_amount", MONEY, "List price of one base unit, before tax."),
            _CURRENCY,
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "partner_prices",
        "one partner x product x range of dates with a price agreed by contract",
        ("partner_code", "product_code", "valid_from_date"),
        (
            _r("partner_code", "VARCHAR", "Partner."),
            _r("product_code", "VARCHAR", "Product."),
            *_VALID,
            _r("unit_price_amount", MONEY, "Net price of one base unit by contract, before tax."),
            _CURRENCY,
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "discount_approvals",
        "one approval of discounts outside the rules",
        ("approval_number",),
        (
            _r("approval_number", "VARCHAR", "Approval."),
            _r("partner_code", "VARCHAR", "Partner it is for."),
            _c("family_code", "VARCHAR", "Product family it is limited to; NULL for all."),
            _c("product_code", "VARCHAR", "Product it is limited to; NULL for all."),
            *_VALID,
            _r("approved_rate", RATE, "Highest discount on the list price that it allows, 0.15 = 15 %."),
            _r("approved_by", "VARCHAR", "Who approved."),
            _r("approved_date", "DATE", "When."),
            _c("reason", "VARCHAR", "Why, in words."),
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "order_lines",
        "one line of one order",
        ("order_number", "order_line_number"),
        (
            _r("order_number", "VARCHAR", "Order."),
            _r("order_line_number", "VARCHAR", "Line."),
            _r("partner_code", "VARCHAR", "Partner that ordered."),
            _r("order_date", "DATE", "Date of the order."),
            _c("requested_delivery_date", "DATE", "Date the partner asked for."),
            _r("product_code", "VARCHAR", "Product."),
            _r(
                "ordered_quantity",
                QUANTITY,
                "Ordered, in `unit_code`; negative for an ordered return.",
            ),
            _r("unit_code", "VARCHAR", "Unit."),
            _r("net_amount", MONEY, "Line amount after discounts, before tax."),
            _CURRENCY,
            _r("status_code", "VARCHAR", "open, shipped, closed or cancelled."),
            _UPDATED,
        ),
        date_column="order_date",
    ),
    Entity(
        "erp",
        "shipment_lines",
        "one line of one shipment or return",
        ("shipment_number", "shipment_line_number"),
        (
            _r("shipment_number", "VARCHAR", "Shipment or return."),
            _r("shipment_line_number", "VARCHAR", "Line."),
            _r("shipment_type", "VARCHAR", "delivery (to the partner) or return (back to us)."),
            _c("order_number", "VARCHAR", "Order it serves."),
            _c("order_line_number", "VARCHAR", "Order line it serves."),
            _r("partner_code", "VARCHAR", "Partner."),
            _r("shipment_date", "DATE", "Date it left (delivery) or came back (return)."),
            _c("delivery_date", "DATE", "Date of receipt by the partner where known."),
            _c("ship_to_country_code", "VARCHAR", "Country delivered to, ISO 3166 alpha-2; NULL: FR."),
            _c("ship_to_postal_code", "VARCHAR", "Postal code delivered to, where it is kept."),
            _r("product_code", "VARCHAR", "Product."),
            _r("shipped_quantity", QUANTITY, "Positive; `shipment_type` gives the direction."),
            _r("unit_code", "VARCHAR", "Unit."),
            _UPDATED,
        ),
        date_column="shipment_date",
    ),
    Entity(
        "erp",
        "invoice_lines",
        "one line of one posted invoice or credit note",
        ("invoice_number", "invoice_line_number"),
        (
            _r("invoice_number", "VARCHAR", "Invoice or credit note."),
            _r("invoice_line_number", "VARCHAR", "Line."),
            _r("invoice_type", "VARCHAR", "invoice or credit_note."),
            _c(
                "credit_reason_code",
                "VARCHAR",
                "Credit notes: return (goods came back), price (euros only), or wrong_item, wrong_quantity, "
                "wrong_price where our error is told apart.",
            ),
            _r("partner_code", "VARCHAR", "Partner invoiced."),
            _r("invoice_date", "DATE", "Date of the document."),
            _c("due_date", "DATE", "Date it falls due."),
            _c("order_number", "VARCHAR", "Order it bills."),
            _c("order_line_number", "VARCHAR", "Order line it bills."),
            _c("original_invoice_number", "VARCHAR", "Credit notes: the invoice that is credited."),
            _r("product_code", "VARCHAR", "Product."),
            _r(
                "invoiced_quantity",
                QUANTITY,
                "Signed: negative when goods are credited, 0 for a price-only credit.",
            ),
            _r("unit_code", "VARCHAR", "Unit."),
            _r("gross_amount", MONEY, "Signed; list price x quantity."),
            _r(
                "standard_discount_amount",
                MONEY,
                "Signed as the line; contractual reduction (>= 0 on an invoice).",
            ),
            _r(
                "exceptional_discount_amount",
                MONEY,
                "Signed as the line; reduction outside the contract.",
            ),
            _r("net_amount", MONEY, "Signed; gross less both discounts, before tax."),
            _CURRENCY,
            _UPDATED,
        ),
        date_column="invoice_date",
    ),
    Entity(
        "erp",
        "invoices",
        "one posted invoice or credit note as a whole, with its tax",
        ("invoice_number",),
        (
            _r("invoice_number", "VARCHAR", "Invoice or credit note."),
            _r("partner_code", "VARCHAR", "Partner that owes it."),
            _r("invoice_date", "DATE", "Date of the document."),
            _c("due_date", "DATE", "Date it falls due."),
            _r("tax_amount", MONEY, "Signed; value added tax and the like."),
            _r("total_amount", MONEY, "Signed; what the partner owes, tax included."),
            _CURRENCY,
            _UPDATED,
        ),
        date_column="invoice_date",
    ),
    Entity(
        "erp",
        "stock_levels",
        "one product x warehouse x day (our own stock)",
        ("product_code", "warehouse_code", "stock_date"),
        (
            _r("product_code", "VARCHAR", "Product."),
            _r("warehouse_code", "VARCHAR", "Our warehouse."),
            _r("stock_date", "DATE", "Day, end of day."),
            _r("on_hand_quantity", QUANTITY, "In base units."),
            _UPDATED,
        ),
        date_column="stock_date",
    ),
    Entity(
        "erp",
        "supply_lines",
        "one product of an order for our own stock, production or purchase",
        ("supply_number", "supply_line_number"),
        (
            _r("supply_number", "VARCHAR", "Production or purchase order."),
            _r("supply_line_number", "VARCHAR", "Line of it."),
            _r("product_code", "VARCHAR", "Product."),
            _r("ordered_date", "DATE", "Day it was ordered."),
            _c("expected_date", "DATE", "Day on which it is expected in our warehouse."),
            _r("ordered_quantity", QUANTITY, "In base units."),
            _c("received_quantity", QUANTITY, "What has arrived of it so far, in base units."),
            _c("received_date", "DATE", "Day on which it last arrived."),
            _r("is_open", "BOOLEAN", "Whether the rest is still to come; a cancelled line is not open."),
            _UPDATED,
        ),
        date_column="ordered_date",
    ),
    Entity(
        "erp",
        "opportunities",
        "one opportunity raised by or with a partner",
        ("opportunity_number",),
        (
            _r("opportunity_number", "VARCHAR", "Opportunity."),
            _c("partner_code", "VARCHAR", "Partner."),
            _c("product_code", "VARCHAR", "Product, where one is named."),
            _r("stage_code", "VARCHAR", "open, quoted, won or lost."),
            _c("announced_quantity", QUANTITY, "Base units announced."),
            _c("announced_amount", MONEY, "Amount announced, before tax."),
            _CURRENCY,
            _r("created_date", "DATE", "Day it was raised."),
            _c("expected_date", "DATE", "Day the deal is expected."),
            _c("closed_date", "DATE", "Day it was won or lost."),
            _c("order_number", "VARCHAR", "Order it became."),
            _UPDATED,
        ),
        date_column="created_date",
    ),
    Entity(
        "erp",
        "leads",
        "one lead passed to a partner",
        ("lead_number",),
        (
            _r("lead_number", "VARCHAR", "Lead."),
            _c("partner_code", "VARCHAR", "Partner it was passed to."),
            _c("source_code", "VARCHAR", "Where it came from."),
            _r("status_code", "VARCHAR", "new, passed, won or lost."),
            _r("created_date", "DATE", "Day it came in."),
            _c("closed_date", "DATE", "Day it was won or lost."),
            _c("postal_code", "VARCHAR", "Postal code of the prospect."),
            _c("country_code", "VARCHAR", "Country of the prospect, ISO 3166 alpha-2; NULL: FR."),
            _c("family_code", "VARCHAR", "Product family it is about; NULL: any."),
            _UPDATED,
        ),
        date_column="created_date",
    ),
    Entity(
        "erp",
        "deal_registrations",
        "one deal that a partner registered to be protected in it",
        ("registration_number",),
        (
            _r("registration_number", "VARCHAR", "Registration."),
            _r("partner_code", "VARCHAR", "Partner that registered it."),
            _r("registered_at", "TIMESTAMP", "When (UTC); it decides who came first."),
            _c("family_code", "VARCHAR", "Product family it is about; NULL: any."),
            _c("expected_amount", MONEY, "Amount the partner expects, before tax."),
            _CURRENCY,
            _r("status_code", "VARCHAR", "registered, approved, won, lost, withdrawn or rejected."),
            _c("closed_at", "TIMESTAMP", "When it was won, lost, withdrawn or rejected (UTC)."),
            _c("country_code", "VARCHAR", "Country of the end customer, ISO 3166 alpha-2; NULL: FR."),
            _c("postal_code", "VARCHAR", "Postal code of the end customer."),
            _c("site_customer_key", "VARCHAR", "Keyed hash of the end customer's SIRET."),
            _c("company_customer_key", "VARCHAR", "Keyed hash of its SIREN or VAT number."),
            _c("domain_customer_key", "VARCHAR", "Keyed hash of its e-mail domain."),
            _c(
                "alike_registrations",
                "VARCHAR",
                "Earlier registrations of other partners whose customer's name is alike: a line each, with "
                "score and number.",
            ),
            _UPDATED,
        ),
        secret_columns=(
            _c("customer_name", "VARCHAR", "Name of the end customer; never lands."),
            _c("customer_siret", "VARCHAR", "Its SIRET or SIREN; never lands."),
            _c("customer_vat", "VARCHAR", "Its VAT number; never lands."),
            _c("customer_domain", "VARCHAR", "Its e-mail address, or the domain of it; never lands."),
        ),
        derived_columns=(
            "site_customer_key",
            "company_customer_key",
            "domain_customer_key",
            "alike_registrations",
        ),
    ),
    Entity(
        "erp",
        "payments",
        "one payment of one invoice",
        ("payment_number",),
        (
            _r("payment_number", "VARCHAR", "Payment."),
            _r("partner_code", "VARCHAR", "Partner that paid."),
            _c("invoice_number", "VARCHAR", "Invoice it settles."),
            _r("payment_date", "DATE", "Day the money came in."),
            _r(
                "paid_amount",
                MONEY,
                "Money that came in, tax included and without the discount; negative for a refund.",
            ),
            _c(
                "cash_discount_amount",
                MONEY,
                "Cash discount (escompte) that the partner took with it, before tax, >= 0; NULL if unknown.",
            ),
            _CURRENCY,
            _UPDATED,
        ),
        date_column="payment_date",
    ),
    Entity(
        "erp",
        "programme_budgets",
        "one budget for programme claims",
        ("budget_code",),
        (
            _r("budget_code", "VARCHAR", "Budget."),
            _r("cost_step_code", "VARCHAR", "Step of the margin that it pays for, such as mdf."),
            _c("partner_code", "VARCHAR", "Partner that it is for; NULL: several."),
            _c("channel_code", "VARCHAR", "Channel that it is for; NULL: several."),
            _r("budget_amount", MONEY, "What may be claimed in all, before tax."),
            _CURRENCY,
            *_VALID,
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "programme_claims",
        "one claim of a partner; one that covers several products is one row per product",
        ("claim_number",),
        (
            _r("claim_number", "VARCHAR", "Claim (with its line, where a claim has several)."),
            _r("cost_step_code", "VARCHAR", "mdf, price_protection, ship_and_debit or spiff."),
            _r("partner_code", "VARCHAR", "Partner that claims."),
            _c("budget_code", "VARCHAR", "Budget that pays."),
            _c("agreement_code", "VARCHAR", "Agreement on a price difference that it relies on."),
            _c("product_code", "VARCHAR", "Product, where the claim names one."),
            _c("invoice_number", "VARCHAR", "Our invoice that it is about, where it names one."),
            _r("claim_date", "DATE", "Day on which it came in."),
            _c("activity_from_date", "DATE", "First day of what is claimed (campaign, resale)."),
            _c("activity_to_date", "DATE", "Last day of it; the month in which the cost counts."),
            _c("claimed_quantity", QUANTITY, "Base units that it claims for."),
            _r("claimed_amount", MONEY, "Claimed, before tax."),
            _c("approved_amount", MONEY, "Granted by us; NULL while nobody has decided."),
            _c("paid_amount", MONEY, "Paid or credited; NULL while it is not."),
            _r("status_code", "VARCHAR", "claimed, approved, paid or rejected."),
            _c("proof_reference", "VARCHAR", "Number of the proof (invoice of the agency, photo file)."),
            _c("approved_date", "DATE", "Day of our decision."),
            _c("paid_date", "DATE", "Day on which it was paid or credited."),
            _c("claim_text", "VARCHAR", "What it is for, in the partner's words."),
            _CURRENCY,
            _UPDATED,
        ),
        date_column="claim_date",
    ),
    Entity(
        "erp",
        "programme_costs",
        "one cost of selling through partners that is not on the invoice",
        ("cost_number",),
        (
            _r("cost_number", "VARCHAR", "Cost (entry or supplier's invoice line)."),
            _r(
                "cost_step_code",
                "VARCHAR",
                "freight, spiff, training, channel_staff, tools, or another step of the margin.",
            ),
            _r("cost_date", "DATE", "Day on which it counts; its month bears it."),
            _c("invoice_number", "VARCHAR", "Our invoice that caused it."),
            _c("shipment_number", "VARCHAR", "Our shipment that caused it."),
            _c("partner_code", "VARCHAR", "Partner that caused it; NULL: shared."),
            _c("channel_code", "VARCHAR", "Channel that caused it; NULL: shared by all."),
            _c("product_code", "VARCHAR", "Product that it is for; NULL: all."),
            _r("cost_amount", MONEY, "Before tax; negative for what came back."),
            _c("cost_text", "VARCHAR", "What it is, in words."),
            _CURRENCY,
            _UPDATED,
        ),
        date_column="cost_date",
    ),
    Entity(
        "erp",
        "price_differences",
        "one agreement x partner x product",
        ("agreement_code", "partner_code", "product_code"),
        (
            _r("agreement_code", "VARCHAR", "Agreement, or notice of a price change."),
            _r("cost_step_code", "VARCHAR", "ship_and_debit or price_protection."),
            _r("partner_code", "VARCHAR", "Partner."),
            _r("product_code", "VARCHAR", "Product."),
            _r("unit_difference_amount", MONEY, "What we owe for one base unit."),
            _CURRENCY,
            *_VALID,
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "commission_assignments",
        "one agent x partner or territory x range of dates",
        ("agent_code", "partner_code", "territory_code", "valid_from_date"),
        (
            _r("agent_code", "VARCHAR", "Agent or sales person."),
            _c("agent_name", "VARCHAR", "Name."),
            _r("partner_code", "VARCHAR", "Partner; '*' where a territory is assigned."),
            _r(
                "territory_code",
                "VARCHAR",
                "Departement, region or country (core.dim_territories); '*' where a partner is assigned.",
            ),
            _r("plan_code", "VARCHAR", "Commission plan of rules/programme_costs.yml."),
            _r("split_rate", RATE, "Share of the commission, 0 to 1, where several share it."),
            *_VALID,
            _UPDATED,
        ),
    ),
    Entity(
        "erp",
        "commission_payments",
        "one commission paid to an agent for one partner",
        ("payment_number",),
        (
            _r("payment_number", "VARCHAR", "Payment or line of the agent's statement."),
            _r("agent_code", "VARCHAR", "Agent or sales person."),
            _r("partner_code", "VARCHAR", "Partner whose sales it is for."),
            _r("settled_month_date", "DATE", "First day of the month whose due commission it settles."),
            _r("payment_date", "DATE", "Day of the payment."),
            _r("paid_amount", MONEY, "Before tax; negative for what was taken back."),
            _CURRENCY,
            _UPDATED,
        ),
        date_column="payment_date",
    ),
)

_REPORT_HEAD = (
    _r(
        "slice_key",
        "VARCHAR",
        "partner|feed|period: what a later report of the same period replaces.",
    ),
    _r("partner_code", "VARCHAR", "Partner that reported."),
    _r("feed_code", "VARCHAR", "Feed (profile) it came through."),
    _r("period_start_date", "DATE", "First day of the reported period."),
    _r("period_end_date", "DATE", "Last day of the reported period."),
)
_REPORT_SOURCE = (
    _c("message_reference", "VARCHAR", "EDI: interchange / message that brought the line."),
    _c("document_number", "VARCHAR", "EDI: the partner's number of the report."),
    _r("_source_column", "VARCHAR", "Column of the value in wide reports, pair in EDI ones; '' elsewhere."),
)
_REPORT_PRODUCT = (
    _c("store_code", "VARCHAR", "Partner's store or depot."),
    _c("store_name", "VARCHAR", "Name of the store as the partner wrote it."),
    _c("store_gln", "VARCHAR", "GS1 location number of the store as the partner wrote it."),
    _c("store_siret", "VARCHAR", "French establishment number of the store as the partner wrote it."),
    _c("store_address", "VARCHAR", "Street of the store as the partner wrote it."),
    _c("store_city", "VARCHAR", "City of the store as the partner wrote it."),
    _c("postal_code", "VARCHAR", "Postal code of the sale or the store."),
    _c("partner_product_code", "VARCHAR", "Product code in the partner's own numbering."),
    _c("product_code", "VARCHAR", "Product code in ours, as the partner wrote it."),
    _c("gtin", "VARCHAR", "GTIN as the partner wrote it, digits only."),
    _c("product_label", "VARCHAR", "Description as the partner wrote it."),
    _r(
        "unit_code",
        "VARCHAR",
        "Unit the quantities are in; the pack behind a pack's GTIN is found later.",
    ),
)

FEED_ENTITIES: Final = (
    Entity(
        "feeds",
        "sell_out",
        "one reported sell-out line",
        ("_batch_id", "_source_row", "_source_column"),
        (
            *_REPORT_HEAD,
            _r(
                "sale_date",
                "DATE",
                "Day of the sale; for reports by week the Thursday, by a longer period its last day.",
            ),
            _c(
                "month_start_date",
                "DATE",
                "Month in which a line without a day of its own counts; NULL: the month of its day.",
            ),
            *_REPORT_PRODUCT,
            _r(
                "sold_quantity",
                QUANTITY,
                "Sold to end customers, returns not deducted (>= 0 unless the sender nets).",
            ),
            _r("returned_quantity", QUANTITY, "Returned by end customers, positive."),
            _c(
                "net_amount",
                MONEY,
                "Revenue of sold less returned, before tax; NULL if the partner does not report it.",
            ),
            _c("currency_code", "VARCHAR", "ISO 4217."),
            _c("transaction_id", "VARCHAR", "Ticket or order of the partner."),
            _c("customer_key", "VARCHAR", "Keyed hash of the end customer; never the customer."),
            _c(
                "business_customer_key",
                "VARCHAR",
                "Keyed hash of a business customer, the same for all partners, where the company chose so.",
            ),
            *_REPORT_SOURCE,
        ),
        date_column="sale_date",
    ),
    Entity(
        "feeds",
        "inventory",
        "one reported stock line",
        ("_batch_id", "_source_row", "_source_column"),
        (
            *_REPORT_HEAD,
            _r("stock_date", "DATE", "Day at whose end the stock was counted."),
            *_REPORT_PRODUCT,
            _r(
                "on_hand_quantity",
                QUANTITY,
                "On hand at the partner; may be negative if the partner says so.",
            ),
            _c("in_transit_quantity", QUANTITY, "Under way to the partner, as the partner sees it."),
            *_REPORT_SOURCE,
        ),
        date_column="stock_date",
    ),
)

ACCOUNTING_ENTITIES: Final = (
    Entity(
        "accounting",
        "gl_entries",
        "one line of one entry of the general ledger",
        ("_batch_id", "_source_file", "_source_row"),
        (
            _r("slice_key", "VARCHAR", "ledger|last month of the fiscal year: what a later export replaces."),
            _r("fiscal_year_end_date", "DATE", "Last day of the fiscal year."),
            _r("journal_code", "VARCHAR", "Journal (JournalCode)."),
            _c("journal_label", "VARCHAR", "Name of the journal (JournalLib)."),
            _r("is_opening", "BOOLEAN", "A balance brought forward: no flow of its day."),
            _c(
                "entry_number",
                "VARCHAR",
                "Entry within the journal (EcritureNum); NULL if not validated yet.",
            ),
            _r("entry_date", "DATE", "Day on which the entry counts (EcritureDate)."),
            _r("account_code", "VARCHAR", "Account of the chart (CompteNum)."),
            _c("account_label", "VARCHAR", "Name of the account (CompteLib)."),
            _c("auxiliary_code", "VARCHAR", "Customer or supplier account (CompAuxNum)."),
            _c("auxiliary_label", "VARCHAR", "Name of the customer or supplier (CompAuxLib)."),
            _c("piece_reference", "VARCHAR", "Document: for sales the invoice's number (PieceRef)."),
            _c("piece_date", "DATE", "Day of the document (PieceDate)."),
            _c("entry_label", "VARCHAR", "Text of the line (EcritureLib)."),
            _r("debit_amount", MONEY, "Debit, as signed in the export."),
            _r("credit_amount", MONEY, "Credit, as signed in the export."),
            _c("lettering_code", "VARCHAR", "Lettering with other lines (EcritureLet)."),
            _c("lettering_date", "DATE", "Day of the lettering (DateLet)."),
            _c("validation_date", "DATE", "Day on which the entry became final (ValidDate)."),
            _c("currency_amount", MONEY, "Amount in the currency of the document (Montantdevise)."),
            _c("currency_code", "VARCHAR", "Currency of that amount (Idevise)."),
        ),
        date_column="entry_date",
    ),
)

SOURCE_ENTITIES: Final = (
    Entity(
        "sources",
        "survey_answers",
        "one answer to the question of recommendation, 0 to 10",
        ("answer_number",),
        (
            _r("answer_number", "VARCHAR", "Answer, as the survey tool numbers it."),
            _c("survey_code", "VARCHAR", "Survey or wave."),
            _r("subject_code", "VARCHAR", "partner or product: what would be recommended."),
            _c("partner_code", "VARCHAR", "Partner that it is about, or that sold the product."),
            _c("product_code", "VARCHAR", "Product that it is about."),
            _r("answer_date", "DATE", "Day of the answer."),
            _r("score", "INTEGER", "0 (never) to 10 (certainly)."),
            _c("respondent_key", "VARCHAR", "Keyed hash of who answered; never the person."),
            _UPDATED,
        ),
        date_column="answer_date",
    ),
    Entity(
        "sources",
        "support_tickets",
        "one after-sales ticket",
        ("ticket_number",),
        (
            _r("ticket_number", "VARCHAR", "Ticket."),
            _c("partner_code", "VARCHAR", "Partner that sold the product; NULL where nobody knows."),
            _c("product_code", "VARCHAR", "Product."),
            _r("opened_date", "DATE", "Day on which it was opened."),
            _c("closed_date", "DATE", "Day on which it was closed; NULL while it is open."),
            _c("reason_code", "VARCHAR", "What it is about, in the tool's own codes."),
            _c("severity_code", "VARCHAR", "How bad it is, in the tool's own codes."),
            _UPDATED,
        ),
        date_column="opened_date",
    ),
    Entity(
        "sources",
        "trainings",
        "one person, or one group of a partner's people, in one course",
        ("training_number",),
        (
            _r("training_number", "VARCHAR", "Attendance, as the training tool numbers it."),
            _r("partner_code", "VARCHAR", "Partner whose people were trained."),
            _r("course_code", "VARCHAR", "Course."),
            _c("participant_key", "VARCHAR", "Keyed hash of the participant; NULL where people are counted."),
            _c("headcount", "INTEGER", "People, where they are counted and not named."),
            _r("training_date", "DATE", "Day of the course, its last one where it took several."),
            _c("result_code", "VARCHAR", "attended, passed or failed."),
            _c("certification_code", "VARCHAR", "Certification of the partner that it gave."),
            _c("certified_from_date", "DATE", "First day of the certification."),
            _c("certified_to_date", "DATE", "First day on which it no longer holds; NULL: without end."),
            _UPDATED,
        ),
        date_column="training_date",
    ),
    Entity(
        "sources",
        "shop_visits",
        "one partner's web shop x source of visitors x day",
        ("partner_code", "source_code", "visit_date"),
        (
            _r("partner_code", "VARCHAR", "Partner whose shop it is; a shop of ours bears a code of ours."),
            _r("source_code", "VARCHAR", "Where visitors came from: campaign, search, mailing, …"),
            _r("visit_date", "DATE", "Day."),
            _c("visitor_count", "BIGINT", "Visitors; NULL where nobody counts them."),
            _c("lead_count", "BIGINT", "Leads: requests for a quotation, contacts; NULL where not counted."),
            _c("basket_count", "BIGINT", "Baskets begun; NULL where not counted."),
            _r("purchase_count", "BIGINT", "Purchases."),
            _UPDATED,
        ),
        date_column="visit_date",
    ),
)
"""What companies keep beside their ERP. Each is optional; a company without it sees "not connected"."""

CRM_ENTITIES: Final = ("opportunities", "leads")
"""Entities of the ERP that a CRM may bring in its place, as a source."""

PERSON_KEYS: Final = ("customer_key", "respondent_key", "participant_key")
"""How names of columns end that hold keyed hashes of people or customers."""


def is_of_person(column_name: str) -> bool:
    """Whether a column holds keyed hashes of people or customers, which `aval privacy erase` takes out."""
    return column_name.endswith(PERSON_KEYS)


_VERSION: Final = (
    _r("programme_code", "VARCHAR", "Programme, as rules/rebates.yml calls it."),
    _r("valid_from_date", "DATE", "First day of the programme's version; its periods begin with it."),
)

REBATE_ENTITIES: Final = (
    Entity(
        "rules",
        "rebate_programmes",
        "one rebate programme x version",
        ("programme_code", "valid_from_date"),
        (
            *_VERSION,
            _r("valid_to_date", "DATE", "First day on which the version no longer holds; 9999-12-31: open."),
            _r("programme_name_fr", "VARCHAR", "French name."),
            _r("programme_name_en", "VARCHAR", "English name."),
            _r("programme_order", "INTEGER", "Of an exclusive group the lowest one counts."),
            _c("exclusive_group_code", "VARCHAR", "Programmes among which a purchase counts in one only."),
            _r("period_months", "INTEGER", "Months of a period: 1, 2, 3, 4, 6 or 12."),
            _r("form_code", "VARCHAR", "flat, all_units, stepped, growth, target or loyalty."),
            _r("basis_code", "VARCHAR", "ordered, delivered, invoiced or paid: what counts, and when."),
            _r("measure_code", "VARCHAR", "units or amount: what tiers are measured in."),
            _r("is_on_increment", "BOOLEAN", "Growth: the rate is of the increment alone."),
            _c("cap_amount", MONEY, "At most that much per partner (or group) and period."),
            _c("floor_amount", MONEY, "At least that much, once a tier is reached."),
            _c("minimum_payment_amount", MONEY, "Less than that is not due at all."),
            _c(
                "instalment_months", "INTEGER", "An interim payment is due each time so many months are over."
            ),
            _c(
                "paid_on_time_minimum_rate", RATE, "Share of what fell due that must be paid by its due date."
            ),
            _c("paid_on_time_when_unknown_code", "VARCHAR", "grant or withhold."),
            _c("reporting_minimum_rate", RATE, "Share of the expected reports that must have come."),
            _c("reporting_when_unknown_code", "VARCHAR", "grant or withhold."),
            _c("certified_when_unknown_code", "VARCHAR", "grant or withhold; NULL: not a condition."),
            _c("certification_code", "VARCHAR", "Certification that is asked for; NULL: any."),
        ),
    ),
    Entity(
        "rules",
        "rebate_tiers",
        "one rebate programme x version x tier",
        ("programme_code", "valid_from_date", "tier_number"),
        (
            *_VERSION,
            _r("tier_number", "INTEGER", "1 for the lowest."),
            _r("from_value", FACTOR, "Where the tier begins: units, amount, share (0.05 = 5 %) or months."),
            _r("is_from_included", "BOOLEAN", "Whether that value itself reaches it."),
            _r("reward_kind_code", "VARCHAR", "rate (of the amount), per_unit or amount."),
            _r("reward_value", FACTOR, "The rate (0.05 = 5 %), the amount per base unit, or the amount."),
        ),
    ),
    Entity(
        "rules",
        "rebate_scopes",
        "one name that a version of a rebate programme includes, excludes, or asks something of",
        ("programme_code", "valid_from_date", "role_code", "dimension_code", "scope_code"),
        (
            *_VERSION,
            _r("role_code", "VARCHAR", "include, exclude, minimum (bundle or mix) or target."),
            _r(
                "dimension_code",
                "VARCHAR",
                "partner, segment, channel, territory, product or family: what the code is of.",
            ),
            _r("scope_code", "VARCHAR", "The partner, segment, …"),
            _c("group_code", "VARCHAR", "Partners that are counted together bear the same."),
            _c("scope_value", QUANTITY, "The least of it, or the partner's target."),
            _c("scope_share_rate", RATE, "The least share of it in all that counts."),
        ),
    ),
    Entity(
        "rules",
        "rebate_entitlements",
        "one rebate programme x version x tier x reward that is not money",
        ("programme_code", "valid_from_date", "tier_number", "entitlement_code"),
        (
            *_VERSION,
            _r("tier_number", "INTEGER", "Tier that gives it."),
            _r("entitlement_code", "VARCHAR", "marketing_support, territorial_exclusivity, …"),
            _r("duration_months", "INTEGER", "How long it lasts."),
        ),
    ),
    Entity(
        "rules",
        "rebate_payments",
        "one payment or credit of a rebate to a partner",
        ("_source_row",),
        (
            _r("programme_code", "VARCHAR", "Programme."),
            _r("partner_code", "VARCHAR", "Partner."),
            _r("period_start_date", "DATE", "First day of the period that it settles."),
            _r("payment_date", "DATE", "Day of the payment or credit note."),
            _r("paid_amount", MONEY, "Company currency; negative for what came back."),
            _r("reference", "VARCHAR", "Number of the payment or credit note."),
        ),
    ),
)

_MATCH: Final = (
    *_VALID,
    _r("decision_code", "VARCHAR", "accepted or rejected; the newest decision counts."),
    _r("decided_by", "VARCHAR", "Who decided."),
    _r("decided_at", "TIMESTAMP", "When (UTC)."),
    _c("match_score", RATE, "Score of the proposal, 0 to 1; NULL if it was nobody's proposal."),
    _c("reason", "VARCHAR", "Why, in words."),
)

RULE_ENTITIES: Final = (
    *REBATE_ENTITIES,
    Entity(
        "rules",
        "feeds",
        "one feed the company expects",
        ("feed_code",),
        (
            _r("feed_code", "VARCHAR", "Feed: the profile's file name without its ending."),
            _r("partner_code", "VARCHAR", "Partner that sends it."),
            _r(
                "frequency_code",
                "VARCHAR",
                "day, week, month, quarter, fiscal_period or fiscal_quarter: the period of one report.",
            ),
            _c("calendar_code", "VARCHAR", "Fiscal calendar of its periods; NULL where they are not fiscal."),
            _r("reports_sell_out", "BOOLEAN", "Whether it carries sell-out."),
            _r("reports_inventory", "BOOLEAN", "Whether it carries stock."),
            _r("expected_from_date", "DATE", "First day from which reports are expected."),
            _c("expected_to_date", "DATE", "First day from which they no longer are."),
            _r("due_days", "INTEGER", "Days after the period's end by which a report is due."),
            _c(
                "holiday_calendar_code",
                "VARCHAR",
                "Whose working days these are (FR, CH-GE); NULL: calendar days.",
            ),
        ),
    ),
    Entity(
        "rules",
        "product_crosswalk",
        "one partner x partner's product code x range of dates",
        ("partner_code", "partner_product_code", "valid_from_date"),
        (
            _r("partner_code", "VARCHAR", "Partner."),
            _r("partner_product_code", "VARCHAR", "Product code in the partner's numbering."),
            _r("product_code", "VARCHAR", "Product code in ours."),
            _r("unit_code", "VARCHAR", "Our unit that one of the partner's units is."),
            *_VALID,
        ),
    ),
    Entity(
        "rules",
        "gl_accounts",
        "one beginning of account codes",
        ("account_prefix",),
        (
            _r("account_prefix", "VARCHAR", "Beginning of an account code; the longest that fits holds."),
            _r("account_class_code", "VARCHAR", "What the accounts mean, see docs/general-ledger.md."),
        ),
    ),
    Entity(
        "rules",
        "product_matches",
        "one decision of a person on a partner's code and one of our products",
        ("_source_row",),
        (
            _r("partner_code", "VARCHAR", "Partner."),
            _r(
                "reported_code",
                "VARCHAR",
                "What the partner writes: its own code, else a GTIN, else a code like ours.",
            ),
            _c("reported_label", "VARCHAR", "The partner's description when it was decided."),
            _r("product_code", "VARCHAR", "Product the decision is about."),
            _r("unit_code", "VARCHAR", "Our unit that one of the partner's units is."),
            *_MATCH,
        ),
    ),
    Entity(
        "rules",
        "stores",
        "one of our stores x partner that reports it x code of that partner x range of dates",
        ("_source_row",),
        (
            _r("store_code", "VARCHAR", "The company's own code of the store or point of sale."),
            _r("store_name", "VARCHAR", "Name."),
            _c("partner_code", "VARCHAR", "Partner it belongs to; NULL: whoever reports it."),
            _c("partner_store_code", "VARCHAR", "What that partner calls it."),
            _c("gln", "VARCHAR", "GS1 location number, 13 digits."),
            _c("siret", "VARCHAR", "French establishment number, 14 digits."),
            _c("address", "VARCHAR", "Street."),
            _c("postal_code", "VARCHAR", "Postal code."),
            _c("city", "VARCHAR", "City."),
            *_VALID,
        ),
    ),
    Entity(
        "rules",
        "store_matches",
        "one decision of a person on a store that a partner reports and one of ours",
        ("_source_row",),
        (
            _r("partner_code", "VARCHAR", "Partner that reports it."),
            _r("reported_code", "VARCHAR", "What the partner writes: its code, else GLN, SIRET or name."),
            _c("reported_label", "VARCHAR", "Name and place as reported when it was decided."),
            _r("store_code", "VARCHAR", "Store the decision is about."),
            *_MATCH,
        ),
    ),
    Entity(
        "rules",
        "thresholds",
        "one named threshold x channel",
        ("threshold_code", "channel_code"),
        (
            _r("threshold_code", "VARCHAR", "Name, see docs/rules.md."),
            _r("channel_code", "VARCHAR", "Channel it is limited to; '*' for all."),
            _r("threshold_value", FACTOR, "Value; unit by name (_rate, _days, _weeks)."),
        ),
    ),
    Entity(
        "rules",
        "alert_limits",
        "one limit of a rule of alerts x channel",
        ("rule_code", "channel_code", "limit_code"),
        (
            _r("rule_code", "VARCHAR", "Rule of alerts, see docs/alerts.md; '*' for what holds for all."),
            _r("channel_code", "VARCHAR", "Channel it is limited to; '*' for all."),
            _r("limit_code", "VARCHAR", "enabled (1 or 0), severity (1 critical to 3 notice), or a limit."),
            _r("limit_value", FACTOR, "Value; unit by name (_rate as a share, _weeks, _days, _amount)."),
        ),
    ),
    Entity(
        "rules",
        "alert_mutes",
        "one alert that is muted until a day",
        ("_source_row",),
        (
            _r("rule_code", "VARCHAR", "Rule of alerts; '*' for all."),
            _r("subject_code", "VARCHAR", "Subject of the alert, as `aval alerts` shows it; '*' for all."),
            _r("muted_until_date", "DATE", "First day on which it is heard again."),
            _r("mute_reason", "VARCHAR", "Why, in words."),
            _r("muted_by", "VARCHAR", "Who muted it."),
            _r("muted_date", "DATE", "When."),
        ),
    ),
    Entity(
        "rules",
        "allocation_keys",
        "one step of the margin x day from which its key holds",
        ("cost_step_code", "valid_from_date"),
        (
            _r("cost_step_code", "VARCHAR", "Step of the margin."),
            _r("allocation_key_code", "VARCHAR", "net_amount, units, lines, orders or partners."),
            *_VALID,
        ),
    ),
    Entity(
        "rules",
        "commission_rates",
        "one commission plan x product family x range of dates",
        ("plan_code", "family_code", "valid_from_date"),
        (
            _r("plan_code", "VARCHAR", "Commission plan."),
            _r("family_code", "VARCHAR", "Product family; '*' for those that are not named."),
            _r("basis_code", "VARCHAR", "invoiced or paid: when the commission falls due."),
            _r("commission_rate", RATE, "Share of the net amount."),
            *_VALID,
        ),
    ),
    Entity(
        "rules",
        "cash_discount_terms",
        "one cash discount x partner or channel x range of dates",
        ("partner_code", "channel_code", "valid_from_date"),
        (
            _r("term_code", "VARCHAR", "Term of payment."),
            _r("partner_code", "VARCHAR", "Partner; '*' where a channel is named, or all."),
            _r("channel_code", "VARCHAR", "Channel; '*' where a partner is named, or all."),
            _r("discount_rate", RATE, "Share of the net amount that may be deducted."),
            _r("within_days", "INTEGER", "Days from the invoice's date within which it must be paid."),
            *_VALID,
        ),
    ),
    Entity(
        "rules",
        "territory_rules",
        "one rule on territories and deals x its order x day from which it holds",
        ("rule_code", "rule_order", "valid_from_date"),
        (
            _r("rule_code", "VARCHAR", "Rule, see docs/territories.md."),
            _r("rule_order", "INTEGER", "Order among several of the same; 1 where there is one."),
            _c("rule_value", FACTOR, "Its value where it is a number: days or a share (0.80 = 80 %)."),
            _c("rule_text", "VARCHAR", "Its value where it is a code."),
            *_VALID,
        ),
    ),
    Entity(
        "rules",
        "territory_decisions",
        "one decision of a person on a conflict of territories or deals",
        ("_source_row",),
        (
            _r("conflict_code", "VARCHAR", "Conflict, as mart_territory_conflicts calls it."),
            _r(
                "decision_code",
                "VARCHAR",
                "tolerated, stopped, first_partner, second_partner or no_conflict.",
            ),
            _r("decided_by", "VARCHAR", "Who decided."),
            _r("decided_date", "DATE", "When."),
            _r("valid_to_date", "DATE", "First day on which it no longer holds; 9999-12-31: open."),
            _c("reason", "VARCHAR", "Why, in words."),
        ),
    ),
    Entity(
        "rules",
        "partners",
        "one partner with rules of its own",
        ("partner_code",),
        (
            _r("partner_code", "VARCHAR", "Partner."),
            _c("siso_gap_tolerance_rate", RATE, "Its tolerance of the stock gap; NULL: its channel's."),
            _c("sell_out_feed_code", "VARCHAR", "Feed whose sell-out counts; NULL: all feeds, added up."),
            _c("inventory_feed_code", "VARCHAR", "Feed whose stock counts; NULL: all feeds, added up."),
        ),
    ),
    Entity(
        "rules",
        "units",
        "one partner x product x unit x range of dates",
        ("partner_code", "product_code", "unit_code", "valid_from_date"),
        (
            _r("partner_code", "VARCHAR", "Partner the conversion is limited to; '*' for all."),
            _r("product_code", "VARCHAR", "Product the conversion is limited to; '*' for all."),
            _r("unit_code", "VARCHAR", "Unit that is converted."),
            _r("numerator", FACTOR, "One unit is numerator / denominator base units."),
            _r("denominator", FACTOR, "One unit is numerator / denominator base units."),
            *_VALID,
        ),
    ),
    Entity(
        "rules",
        "stock_adjustments",
        "one adjustment of a partner's stock",
        ("_source_row",),
        (
            _r("partner_code", "VARCHAR", "Partner."),
            _r("product_code", "VARCHAR", "Product."),
            _r("adjustment_date", "DATE", "Day it took effect."),
            _r("adjusted_quantity", QUANTITY, "Base units; negative for what left the stock."),
            _r("reason", "VARCHAR", "Why, in words."),
        ),
    ),
    Entity(
        "rules",
        "discount_rules",
        "one rule x version x quantity from which a rate holds",
        ("rule_code", "valid_from_date", "from_quantity"),
        (
            _r("rule_code", "VARCHAR", "Rule, a name of the company's own."),
            _r("rule_kind_code", "VARCHAR", "contract (a tier of the terms) or promotion."),
            *_VALID,
            _r("partner_code", "VARCHAR", "Partner the rule is limited to; '*' for all."),
            _r("segment_code", "VARCHAR", "Segment the rule is limited to; '*' for all."),
            _r("family_code", "VARCHAR", "Product family the rule is limited to; '*' for all."),
            _r("from_quantity", QUANTITY, "Base units of the line from which the rate holds."),
            _c("to_quantity", QUANTITY, "Base units from which the next tier holds; NULL for the highest."),
            _r("discount_rate", RATE, "Discount on the list price that the rule allows, 0.05 = 5 %."),
        ),
    ),
    Entity(
        "rules",
        "campaigns",
        "one challenge or promotion",
        ("campaign_code",),
        (
            _r("campaign_code", "VARCHAR", "Challenge or promotion."),
            _r("campaign_kind_code", "VARCHAR", "challenge or promotion."),
            _r("campaign_name_fr", "VARCHAR", "French name."),
            _r("campaign_name_en", "VARCHAR", "English name."),
            _r("from_date", "DATE", "First day."),
            _r("to_date", "DATE", "First day after."),
            _r(
                "measure_code", "VARCHAR", "sell_in_units, sell_in_amount, sell_out_units or sell_out_amount."
            ),
            _c("ranked_by_code", "VARCHAR", "Challenges: value or growth."),
            _c("minimum_value", MONEY, "Challenges: below it nobody has a rank."),
            _c("baseline_code", "VARCHAR", "Promotions: weeks_before, last_year or other_partners."),
            _c("baseline_weeks", "INTEGER", "Promotions: weeks before it that the baseline looks at."),
            _c("cost_amount", MONEY, "Promotions: what it cost, in the company's currency."),
        ),
    ),
    Entity(
        "rules",
        "campaign_scopes",
        "one name that a challenge or promotion is limited to",
        ("campaign_code", "dimension_code", "scope_code"),
        (
            _r("campaign_code", "VARCHAR", "Challenge or promotion."),
            _r("dimension_code", "VARCHAR", "partner, channel, segment, product or family: what it names."),
            _r("scope_code", "VARCHAR", "The partner, channel, …"),
        ),
    ),
    Entity(
        "rules",
        "challenge_prizes",
        "one challenge x rank with a prize",
        ("campaign_code", "prize_rank"),
        (
            _r("campaign_code", "VARCHAR", "Challenge."),
            _r("prize_rank", "INTEGER", "Rank that gets it."),
            _r("prize_name_fr", "VARCHAR", "French name."),
            _r("prize_name_en", "VARCHAR", "English name."),
            _c("prize_amount", MONEY, "What it is worth, in the company's currency."),
        ),
    ),
    Entity(
        "rules",
        "budgets",
        "one month x partner x product or family with a budget",
        ("month_start_date", "partner_code", "product_code", "family_code"),
        (
            _r("month_start_date", "DATE", "First day of the month."),
            _r("partner_code", "VARCHAR", "Partner."),
            _c("product_code", "VARCHAR", "Product; NULL for a budget by family."),
            _c("family_code", "VARCHAR", "Product family; NULL for a budget by product."),
            _r("invoiced_quantity", QUANTITY, "Base units to be sold."),
            _r("gross_amount", MONEY, "Sales at list price, in the company's currency."),
            _r("discount_amount", MONEY, "Discounts on the invoice."),
            _r("rebate_amount", MONEY, "Rebates."),
            _r("programme_amount", MONEY, "Other reductions outside the invoice."),
            _r("cost_amount", MONEY, "Cost of goods and landed cost."),
        ),
    ),
    Entity(
        "rules",
        "segment_schemes",
        "one scheme of segments x version",
        ("scheme_code", "valid_from_date"),
        (
            _r("scheme_code", "VARCHAR", "Scheme, a name of the company's own."),
            _r("scheme_name_fr", "VARCHAR", "What people call it, in French."),
            _r("scheme_name_en", "VARCHAR", "What people call it, in English."),
            *_VALID,
            _r("measure_code", "VARCHAR", "What partners are sorted by."),
            _r("method_code", "VARCHAR", "cumulated_share, value or attribute."),
            _r("window_months", "INTEGER", "Months that the measure is taken over."),
            _r("hysteresis_value", FACTOR, "How far past a bound before a partner moves, in its unit."),
            _r("hysteresis_months", "INTEGER", "Months in a row before a partner moves."),
        ),
    ),
    Entity(
        "rules",
        "segments",
        "one scheme x version x segment",
        ("scheme_code", "valid_from_date", "segment_code"),
        (
            _r("scheme_code", "VARCHAR", "Scheme."),
            _r("valid_from_date", "DATE", "Version of the scheme."),
            _r("segment_number", "INTEGER", "1 is the best."),
            _r("segment_code", "VARCHAR", "Segment."),
            _r("segment_name_fr", "VARCHAR", "What people call it, in French."),
            _r("segment_name_en", "VARCHAR", "What people call it, in English."),
            _c("bound_value", FACTOR, "Where it ends, seen from the best; NULL for the rest of all."),
            _c("newer_than_months", "INTEGER", "Months for which a partner is new; NULL in other segments."),
        ),
    ),
    Entity(
        "rules",
        "segment_members",
        "one scheme x version x partner or value that a segment names",
        ("scheme_code", "valid_from_date", "member_kind_code", "member_code"),
        (
            _r("scheme_code", "VARCHAR", "Scheme."),
            _r("valid_from_date", "DATE", "Version of the scheme."),
            _r("segment_code", "VARCHAR", "Segment."),
            _r("member_kind_code", "VARCHAR", "partner, or value of the attribute."),
            _r("member_code", "VARCHAR", "Partner or value."),
            _LINE,
        ),
    ),
    Entity(
        "rules",
        "scorecard_themes",
        "one theme of the scorecard x version",
        ("theme_code", "valid_from_date"),
        (
            _r("theme_code", "VARCHAR", "Theme."),
            *_VALID,
            _r("theme_number", "INTEGER", "Its place in the scorecard."),
            _r("theme_name_fr", "VARCHAR", "Name in French."),
            _r("theme_name_en", "VARCHAR", "Name in English."),
            _r("measure_code", "VARCHAR", "Figure that is scored."),
            _r("theme_weight", QUANTITY, "Weight; what a theme counts is its share of all weights."),
            _r("zero_value", FACTOR, "Figure that scores 0, as a share."),
            _r("full_value", FACTOR, "Figure that scores 100, as a share."),
            _c("benchmark_value", FACTOR, "What is usual or wanted, as a share."),
            _r("is_shared", "BOOLEAN", "Whether the partner sees it in its own scorecard."),
            _c("peer_scheme_code", "VARCHAR", "Scheme of segments whose medians partners are held against."),
            _r("minimum_weight_rate", RATE, "Share of the weights below which there is no total."),
            _r("minimum_partner_count", "INTEGER", "Partners that a median needs at least."),
            _r("trend_points", MONEY, "Points from which on a change is a trend."),
        ),
    ),
    Entity(
        "rules",
        "targets",
        "one target of a partner or segment x measure x month",
        ("partner_code", "segment_code", "measure_code", "month_start_date"),
        (
            _c("partner_code", "VARCHAR", "Partner; NULL for a segment's."),
            _c("segment_code", "VARCHAR", "Segment; NULL for a partner's."),
            _r("measure_code", "VARCHAR", "Figure that the target is for."),
            _r("month_start_date", "DATE", "First day of the month."),
            _r("target_value", FACTOR, "The target: a share, or an amount of the month."),
            _LINE,
        ),
    ),
    Entity(
        "rules",
        "cost_corrections",
        "one product x range of past days whose cost the company has corrected",
        ("product_code", "valid_from_date"),
        (
            _r(
                "correction_code",
                "VARCHAR",
                "What the company calls the decision; may stand in several rows.",
            ),
            _r("product_code", "VARCHAR", "Product."),
            _r("valid_from_date", "DATE", "First day whose cost is corrected."),
            _r("valid_to_date", "DATE", "First day whose cost no longer is; not after the decision."),
            _c("unit_cost_amount", MONEY, "Standard cost of one base unit; NULL where it was right."),
            _c("actual_unit_cost_amount", MONEY, "Actual cost of one base unit; NULL where it was right."),
            _CURRENCY,
            _r("reason", "VARCHAR", "Why the cost was wrong."),
            _r("decided_by", "VARCHAR", "Who decided it."),
            _r("decided_date", "DATE", "Day of the decision."),
        ),
    ),
    Entity(
        "rules",
        "exchange_rates",
        "one currency x day with a reference rate",
        ("currency_code", "rate_date"),
        (
            _CURRENCY,
            _r("rate_date", "DATE", "Day of the rate."),
            _r("currency_per_euro", "DECIMAL(18,8)", "What one euro costs in that currency."),
        ),
    ),
    Entity(
        "rules",
        "working_days",
        "one holiday calendar x day",
        ("holiday_calendar_code", "calendar_date"),
        (
            _r("holiday_calendar_code", "VARCHAR", "Country or region whose public holidays count."),
            _r("calendar_date", "DATE", "Day."),
            _r("is_working_day", "BOOLEAN", "Whether it is worked."),
            _r("working_day_number", "INTEGER", "Working days up to it, itself included."),
        ),
    ),
    Entity(
        "rules",
        "fiscal_periods",
        "one fiscal calendar x fiscal period",
        ("calendar_code", "fiscal_year", "fiscal_period"),
        (
            _r("calendar_code", "VARCHAR", "Pattern and first month of the year: 4-4-5/02."),
            _r("is_company_calendar", "BOOLEAN", "Whether it is the company's; others are partners'."),
            _r("fiscal_year", "INTEGER", "Fiscal year, called after the calendar year it ends in."),
            _r("fiscal_quarter", "INTEGER", "1 to 4."),
            _r("fiscal_period", "INTEGER", "1 to 12."),
            _r("period_start_date", "DATE", "First day."),
            _r("period_end_date", "DATE", "Last day."),
            _r("first_week_start_date", "DATE", "Monday of the fiscal year's first week."),
        ),
    ),
)

CLOSING_ENTITIES: Final = (
    Entity(
        "closing",
        "events",
        "one closing of a month, or one reopening",
        ("closing_code", "action_code"),
        (
            _r("closing_code", "VARCHAR", "Month and how often it has been closed: 2026-05#1."),
            _r("month_start_date", "DATE", "First day of the month."),
            _r("action_code", "VARCHAR", "closed or reopened."),
            _r("done_at", "TIMESTAMP", "When (UTC)."),
            _r("done_by", "VARCHAR", "Who did it."),
            _c("reason", "VARCHAR", "Why, in words; always there for a reopening."),
            _c(
                "publication_code",
                "VARCHAR",
                "Publication that the figures come from; kept while it is closed.",
            ),
            _c("run_code", "VARCHAR", "Run that built and checked it."),
            _c("published_at", "TIMESTAMP", "When it was published (UTC)."),
            _c("as_of_date", "DATE", "Day that its figures are as of."),
            _c("code_version", "VARCHAR", "Version and fingerprint of Aval that built it."),
            _c("gate_results", "VARCHAR", "What each gate checked and found, as JSON."),
            _c("last_batch_code", "VARCHAR", "Newest batch that it holds; what lands later sorts after it."),
            _c("figure_count", "BIGINT", "Figures that were frozen."),
            _c("remarks", "VARCHAR", "What was to be known when it was closed."),
        ),
    ),
    Entity(
        "closing",
        "figures",
        "one value of one column of one row of a finance mart, as it was closed or as a change was booked",
        ("closing_code", "mart_name", "row_key", "column_name", "sequence_number"),
        (
            _r("closing_code", "VARCHAR", "Closing it belongs to."),
            _r("month_start_date", "DATE", "Month that is closed."),
            _r("mart_name", "VARCHAR", "Mart."),
            _r("row_key", "VARCHAR", "Key of the mart's row; '*' for the sum of the month's rows."),
            _c("partner_code", "VARCHAR", "Partner, where the grain has one."),
            _c("channel_code", "VARCHAR", "Channel, where the grain has one."),
            _c("product_code", "VARCHAR", "Product, where the grain has one."),
            _c("grain_detail", "VARCHAR", "What else the grain has: column=value, separated by |."),
            _r("column_name", "VARCHAR", "Column of the mart."),
            _r("sequence_number", "INTEGER", "0 as closed; then one for each change that was booked."),
            _c("figure_amount", MONEY, "Value of a column of numbers."),
            _c("figure_text", "VARCHAR", "Value of any other column, as text."),
            _r("seen_date", "DATE", "Day on which the value was seen."),
            _r(
                "booked_month_date",
                "DATE",
                "Month it counts in: the closed one, or the open one of a change.",
            ),
            _c("reason_code", "VARCHAR", "Why it changed, see docs/closing.md."),
            _c("documents", "VARCHAR", "Documents or reports that came after the close."),
            _c("sources", "VARCHAR", "Costs, rules and other sources that changed after the close."),
        ),
    ),
)

ENTITIES: Final = {
    (entity.system, entity.name): entity
    for entity in (
        *ERP_ENTITIES,
        *FEED_ENTITIES,
        *ACCOUNTING_ENTITIES,
        *SOURCE_ENTITIES,
        *RULE_ENTITIES,
        *CLOSING_ENTITIES,
    )
}


def entity(system: str, name: str) -> Entity:
    """The entity of that system and name; KeyError if the contract has none."""
    return ENTITIES[system, name]


def source_entity(name: str) -> Entity:
    """The entity that a source beside the ERP brings: one of its own, or one of the ERP's from a CRM."""
    return entity("erp" if name in CRM_ENTITIES else "sources", name)
