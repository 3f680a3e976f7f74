"""The answer key: what a correct pipeline must find, worked out from the simulation's own arrays.

Nothing here is read back from a file that a pipeline reads. Amounts are texts with two decimals,
quantities whole pieces, months `2026-05`. The key lies beside the sources, never below a folder that
models or readers look into.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from connectors.sample import deals, plants, programme_key, source_key, stores
from connectors.sample.cast import COMPANY_NAME, COMPANY_SIREN, PARTNER_INDEX, PARTNERS, START
from connectors.sample.catalogue import Listings
from connectors.sample.dice import Flags, Ints
from connectors.sample.discount_key import discount_facts
from connectors.sample.documents import INVOICE, PRICE_CREDIT, RETURN_CREDIT, Documents
from connectors.sample.ledger_export import Difference, Export
from connectors.sample.programmes import Programmes
from connectors.sample.rebates import GAUGES, Accrual, accruals, monthly, settlements
from connectors.sample.reports import (
    POACHED_POSTAL,
    POSTAL,
    UNKNOWN_CODE_FROM,
    Report,
    World,
    stores_written,
)
from connectors.sample.senders import FEEDS, Feed
from connectors.sample.sources import Sources
from connectors.sample.stores import spelled
from connectors.sample.supply import LEAD_DAYS
from connectors.sample.trade import NEVER, Trade, day_number, find_pair

Fact = dict[str, Any]


def money(cents: int) -> str:
    """Cents as euros with two decimals."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _fine_money(hundredths: int) -> str:
    """Hundredths of a cent as euros, with four decimals where two do not say it."""
    if hundredths % 100 == 0:
        return money(hundredths // 100)
    return f"{'-' if hundredths < 0 else ''}{abs(hundredths) // 10_000}.{abs(hundredths) % 10_000:04d}"


def _month(number: int) -> str:
    return f"{START + timedelta(days=number):%Y-%m}"


def write(path: Path, key: Fact) -> None:
    path.write_text(json.dumps(key, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def build_key(
    world: World,
    documents: Documents,
    programmes: Programmes,
    reports: Sequence[Report],
    exports: Sequence[Export],
    differences: Sequence[Difference],
    beside: Sources,
) -> Fact:
    """The whole key."""
    sold = sell_out_by_month(world, reports)
    return {
        "company": {
            "name": COMPANY_NAME,
            "siren": COMPANY_SIREN,
            "seed": world.seed,
            "as_of_date": world.as_of.isoformat(),
        },
        "erp": _erp(world, documents),
        "sell_in_monthly": sell_in_by_month(world.listings, documents),
        "orders_monthly": _orders_by_month(world.listings, documents),
        "shipments_monthly": _shipments_by_month(world.listings, documents),
        "sell_out_monthly": sold,
        "sell_out_in_other_currencies": _foreign_currency(world, reports),
        "inventory_by_feed": _inventory(reports),
        "files": _files(reports),
        "discounts": discount_facts(world.products, world.listings, documents),
        "ledger": _ledger(documents, exports, differences),
        "programme_costs_monthly": programme_key.costs_by_month(programmes, documents),
        "commissions_monthly": programme_key.commissions_by_month(programmes),
        "sources": source_key.facts(beside, world.as_of),
        "rebates": _rebates(accruals(world.products, world.listings, documents, world.as_of)),
        "planted": planted(world, documents, programmes, reports, sold, beside),
    }


# --- totals ---


def _erp(world: World, documents: Documents) -> Fact:
    """Rows by contract entity, and the sums of the main amounts."""
    invoices, shipments = documents.invoices, documents.shipments
    launched = [p for p in world.products if p.launched - timedelta(days=30) <= world.as_of]
    return {
        "rows": {
            "partners": sum(partner.joined <= world.as_of + timedelta(days=14) for partner in PARTNERS),
            "products": len(launched),
            "product_units": sum(2 + (product.pallet_gtin is not None) for product in launched),
            "order_lines": len(documents.order_lines.day),
            "shipment_lines": len(shipments.day),
            "invoice_lines": len(invoices.document),
            "supply_lines": len(documents.supplies),
            "opportunities": len(documents.opportunities),
            "leads": len(documents.leads),
            "deal_registrations": len(documents.deals),
            "payments": len(documents.payments.day),
        },
        "documents": {
            "orders": len(documents.orders.number),
            "deliveries": sum(number.startswith("BL") for number in shipments.number),
            "returns": sum(number.startswith("RT") for number in shipments.number),
            "invoices": int((invoices.kind == INVOICE).sum()),
            "return_credit_notes": int((invoices.kind == RETURN_CREDIT).sum()),
            "price_credit_notes": int((invoices.kind == PRICE_CREDIT).sum()),
        },
        "net_amount": money(int(invoices.net.sum())),
        "cost_amount": f"{int(invoices.cost.sum()) / 10000:.4f}",
        "settled_amount": money(int(documents.payments.amount.sum())),
    }


def sell_in_by_month(listings: Listings, documents: Documents) -> list[Fact]:
    """By partner and month of the document: pieces and amounts invoiced and credited."""
    invoices = documents.invoices
    days = invoices.day[invoices.document]
    partners = listings.partner[invoices.pair]
    rows = []
    for (partner, month), index in _grouped(partners, [_month(day) for day in days.tolist()]):
        pieces = invoices.pieces[index]
        rows.append(
            {
                "partner_code": PARTNERS[partner].code,
                "month": month,
                "sold_quantity": int(pieces[pieces > 0].sum()),
                "credited_quantity": -int(pieces[pieces < 0].sum()),
                "net_quantity": int(pieces.sum()),
                "gross_amount": money(int(invoices.gross[index].sum())),
                "standard_discount_amount": money(int(invoices.standard[index].sum())),
                "exceptional_discount_amount": money(int(invoices.exceptional[index].sum())),
                "net_amount": money(int(invoices.line_net[index].sum())),
                "cost_amount": f"{int(invoices.cost[index].sum()) / 10000:.4f}",
                "invoice_count": len(set(invoices.document[index].tolist())),
                "line_count": len(index),
            }
        )
    return rows


def _orders_by_month(listings: Listings, documents: Documents) -> list[Fact]:
    lines, orders = documents.order_lines, documents.orders
    pieces = lines.units * listings.lot[lines.pair]
    rows = []
    for (partner, month), index in _grouped(
        listings.partner[lines.pair], [_month(day) for day in lines.day.tolist()]
    ):
        cancelled = lines.is_cancelled[index]
        rows.append(
            {
                "partner_code": PARTNERS[partner].code,
                "month": month,
                "line_count": len(index),
                "ordered_quantity": int(pieces[index].sum()),
                "cancelled_quantity": int(pieces[index][cancelled].sum()),
                "net_amount": money(int(orders.net[index].sum())),
            }
        )
    return rows


def _shipments_by_month(listings: Listings, documents: Documents) -> list[Fact]:
    shipments = documents.shipments
    rows = []
    for (partner, month), index in _grouped(
        listings.partner[shipments.pair], [_month(day) for day in shipments.day.tolist()]
    ):
        back = shipments.is_return[index]
        rows.append(
            {
                "partner_code": PARTNERS[partner].code,
                "month": month,
                "shipped_quantity": int(shipments.pieces[index][~back].sum()),
                "returned_quantity": int(shipments.pieces[index][back].sum()),
            }
        )
    return rows


def _grouped(partners: Ints, months: Sequence[str]) -> Iterable[tuple[tuple[int, str], Ints]]:
    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(partners.tolist(), months, strict=True)):
        groups[key].append(row)
    return ((key, np.array(rows, dtype=np.int64)) for key, rows in sorted(groups.items()))


def _line_months(feed: Feed, report: Report) -> list[str]:
    """The month in which each line counts: its own day, a week's Thursday, a month's last day."""
    if feed.split in ("day", "ticket"):
        return [_month(day) for day in report.lines.day.tolist()]
    by_period = [
        f"{period.first + timedelta(days=3):%Y-%m}" if feed.frequency == "week" else f"{period.last:%Y-%m}"
        for period in report.periods
    ]
    return [by_period[number] for number in report.lines.period.tolist()]


def _reports_amounts(feed: Feed) -> bool:
    return bool(feed.fields & {"amount", "amount_with_tax", "price"})


def _reports_sales(feed: Feed) -> bool:
    return bool(feed.fields & {"sold", "net_sold", "signed"})


def _pieces(world: World, report: Report) -> Ints:
    """Pieces in one reported unit of each line."""
    box = np.array([product.family.box for product in world.products])[
        world.listings.product[report.lines.pair]
    ]
    return np.where(report.lines.unit == 0, 1, box)


def sell_out_by_month(world: World, reports: Iterable[Report]) -> list[Fact]:
    """By partner and month, of what was validly reported and is live.

    `sold_quantity` and the others are pieces of lines whose product and unit resolve; what does not is
    counted apart, in units as reported. Amounts are of all lines, resolved or not: `net_amount` in euros,
    with four decimals where it was converted line by line, `document_net_amount` as reported. Senders that
    net report no returns.
    """
    totals: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for report in reports:
        if report.state != "landed" or not _reports_sales(report.feed):
            continue
        lines, fields = report.lines, report.feed.fields
        sold = (lines.sold - lines.returned if "net_sold" in fields else lines.sold).tolist()
        returned = lines.returned.tolist() if fields & {"returned", "signed"} else [0] * len(lines)
        has_amount = _reports_amounts(report.feed)
        for month, fate, pieces, plus, minus, amount, euros in zip(
            _line_months(report.feed, report),
            report.fates,
            _pieces(world, report).tolist(),
            sold,
            returned,
            lines.amount.tolist(),
            _in_euros(world, report),
            strict=True,
        ):
            total = totals[report.feed.partner, month]
            total["line_count"] += 1
            total["document_cents"] += amount if has_amount else 0
            total["net_euros"] += euros if has_amount else 0
            if fate == "resolved":
                total["sold_quantity"] += plus * pieces
                total["returned_quantity"] += minus * pieces
                total["net_quantity"] += (plus - minus) * pieces
            else:
                total[f"{fate}_line_count"] += 1
                total[f"{fate}_net_quantity_in_unit"] += plus - minus
    names = (
        "line_count",
        "sold_quantity",
        "returned_quantity",
        "net_quantity",
        "product_unmatched_line_count",
        "product_unmatched_net_quantity_in_unit",
        "unit_unknown_line_count",
        "unit_unknown_net_quantity_in_unit",
    )
    currencies = {feed.partner: feed.currency for feed in FEEDS}
    without_amount = {feed.partner for feed in FEEDS if _reports_sales(feed) and not _reports_amounts(feed)}
    return [
        {
            "partner_code": partner,
            "month": month,
            **{name: total.get(name, 0) for name in names},
            "net_amount": None if partner in without_amount else _fine_money(total["net_euros"]),
            "document_net_amount": None if partner in without_amount else money(total["document_cents"]),
            "document_currency_code": currencies[partner],
        }
        for (partner, month), total in sorted(totals.items())
    ]


def _in_euros(world: World, report: Report) -> list[int]:
    """The amount of each line in hundredths of a euro cent. Lines in another currency bear a day."""
    lines, currency = report.lines, report.feed.currency
    if currency == "EUR":
        return [100 * cents for cents in lines.amount.tolist()]
    return [
        world.rates.in_euros(cents, currency, START + timedelta(days=day))
        for cents, day in zip(lines.amount.tolist(), lines.day.tolist(), strict=True)
    ]


def _foreign_currency(world: World, reports: Iterable[Report]) -> list[Fact]:
    """By feed in another currency: its lines, and those of days without a rate of their own."""
    found = []
    for feed in FEEDS:
        if feed.currency == "EUR":
            continue
        days = [
            START + timedelta(days=day)
            for report in reports
            if report.feed is feed and report.state == "landed"
            for day in report.lines.day.tolist()
        ]
        found.append(
            {
                "partner_code": feed.partner,
                "currency_code": feed.currency,
                "line_count": len(days),
                "earlier_rate_line_count": sum(
                    day not in world.rates.published[feed.currency] for day in days
                ),
            }
        )
    return found


def _inventory(reports: Iterable[Report]) -> list[Fact]:
    """Live stock lines by feed, with the sum of the pieces."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for report in reports:
        if report.state == "landed" and "stock" in report.feed.fields:
            totals[report.feed.code][0] += len(report.lines)
            totals[report.feed.code][1] += int(report.lines.stock.sum())
    return [
        {"feed_code": feed, "line_count": lines, "on_hand_quantity": pieces}
        for feed, (lines, pieces) in sorted(totals.items())
    ]


def _files(reports: Sequence[Report]) -> Fact:
    """What intake must say: files by state and rows by feed; duplicates and rejected files have no rows."""
    by_feed: dict[str, dict[str, int]] = {
        feed.code: dict.fromkeys(
            (
                "files",
                "landed",
                "superseded",
                "rejected",
                "duplicate",
                "rows_read",
                "rows_accepted",
                "rows_quarantined",
                "rows_skipped",
            ),
            0,
        )
        for feed in FEEDS
    }
    quarantine = []
    for report in reports:
        counts = by_feed[report.feed.code]
        counts["files"] += 1
        counts[report.state] += 1
        if report.state not in ("landed", "superseded"):
            continue
        bad = sum(report.quarantined.values())
        counts["rows_read"] += report.rows + report.skipped
        counts["rows_accepted"] += report.rows - bad
        counts["rows_quarantined"] += bad
        counts["rows_skipped"] += report.skipped
        quarantine += [
            {"file": report.path, "reason_code": reason, "rows": rows}
            for reason, rows in sorted(report.quarantined.items())
        ]
    totals = {name: sum(counts[name] for counts in by_feed.values()) for name in next(iter(by_feed.values()))}
    return {"by_feed": by_feed, "totals": totals, "quarantined": quarantine}


def _ledger(documents: Documents, exports: Sequence[Export], differences: Sequence[Difference]) -> Fact:
    invoices = documents.invoices
    days = [START + timedelta(days=day) for day in invoices.day.tolist()]
    files = []
    begin = START
    for export in exports:
        within = np.array([begin <= day <= export.closing for day in days], dtype=np.bool_)
        begin = export.closing + timedelta(days=1)
        flows = [entry for entry in export.entries if entry.journal != "AN"]
        sales = -sum(entry.amount for entry in flows if entry.account.startswith(("701", "7091")))
        files.append(
            {
                "file": export.name,
                "lines": len(export.entries),
                "debit": money(sum(max(entry.amount, 0) for entry in export.entries)),
                "sales_net_amount": money(sales),
                "invoiced_net_amount": money(int(invoices.net[within].sum())),
                "cost_of_sales_amount": money(
                    sum(entry.amount for entry in flows if entry.account.startswith("71355"))
                ),
            }
        )
    return {
        "files": files,
        "differences": [
            {
                "code": item.code,
                "piece": item.piece,
                "partner_code": item.partner,
                "amount": money(item.amount),
                "explanation": item.explanation,
            }
            for item in differences
        ],
    }


def _rebates(found: list[Accrual]) -> Fact:
    return {
        "accruals": [
            {
                "programme_code": rebate.programme,
                "partner_code": rebate.partner,
                "year": rebate.year,
                "month": f"{rebate.month_end:%Y-%m}",
                "base_quantity": rebate.pieces,
                "base_amount": money(rebate.purchased),
                "reached_amount": money(rebate.reached),
                "expected_amount": money(rebate.expected),
                "accrual_amount": money(accrual),
            }
            for rebate, accrual in monthly(found)
        ],
        "payments": [
            {
                "programme_code": payment.programme,
                "partner_code": payment.partner,
                "period_start_date": f"{payment.year}-01-01",
                "payment_date": payment.day.isoformat(),
                "paid_amount": money(payment.amount),
                "reference": payment.reference,
            }
            for payment in settlements(found)
        ],
    }


# --- planted facts ---


def planted(
    world: World,
    documents: Documents,
    programmes: Programmes,
    reports: Sequence[Report],
    sell_out: Sequence[Fact],
    beside: Sources,
) -> dict[str, Fact]:
    """Each planted fact by its code: subject, dates, exact figures. Facts that lie after the horizon are
    left out.
    """
    found = {
        **_balance_facts(world, documents, sell_out),
        **_commercial_facts(world, documents),
        **_delivery_facts(world, documents),
        **_master_data_facts(world, documents),
        **_report_facts(world, reports),
        **_stock_facts(world, reports),
        **deals.planted(documents.deals, documents.leads, world.as_of),
        **source_key.planted(beside),
        **programme_key.planted(programmes, documents, _resold_under_agreement(world, programmes, reports)),
    }
    return {code: fact for code, fact in found.items() if fact.get("from", "") <= world.as_of.isoformat()}


def _sell_in_pieces(world: World, documents: Documents, partner: str) -> dict[str, int]:
    invoices = documents.invoices
    chosen = world.listings.partner[invoices.pair] == PARTNER_INDEX[partner]
    totals: dict[str, int] = defaultdict(int)
    days = invoices.day[invoices.document][chosen].tolist()
    for day, pieces in zip(days, invoices.pieces[chosen].tolist(), strict=True):
        totals[_month(day)] += pieces
    return dict(totals)


def _balance_facts(world: World, documents: Documents, sell_out: Sequence[Fact]) -> dict[str, Fact]:
    bought = _sell_in_pieces(world, documents, plants.OVERSTOCKED)
    resold = {
        row["month"]: row["net_quantity"] for row in sell_out if row["partner_code"] == plants.OVERSTOCKED
    }
    months = [
        {
            "month": month,
            "sell_in_quantity": bought[month],
            "sell_out_quantity": resold.get(month, 0),
            "sell_out_sell_in_rate": round(100 * resold.get(month, 0) / bought[month], 4)
            if bought[month]
            else None,
        }
        for month in sorted(bought)
        if month >= f"{plants.OVERSTOCK_FROM:%Y-%m}"
    ]
    last = documents.orders.partner == PARTNER_INDEX[plants.SILENT]
    last_order = int(np.flatnonzero(last)[-1])
    last_day = START + timedelta(days=int(documents.orders.day[last_order]))
    return {
        "overstocked_partner": {
            "partner_code": plants.OVERSTOCKED,
            "from": plants.OVERSTOCK_FROM.isoformat(),
            "months": months,
            "months_below_80": [row["month"] for row in months if (row["sell_out_sell_in_rate"] or 100) < 80],
        },
        "silent_partner": {
            "partner_code": plants.SILENT,
            "from": plants.SILENT_FROM.isoformat(),
            "last_order_number": documents.orders.number[last_order],
            "last_order_date": last_day.isoformat(),
            "days_without_order": (world.as_of - last_day).days,
        },
    }


def _lost_rebate(world: World, documents: Documents) -> Fact:
    """What the partner's rebate was expected to be in the month before the tier was lost, and after."""
    found = {
        rebate.month_end: rebate.expected
        for rebate in accruals(world.products, world.listings, documents, world.as_of)
        if (rebate.programme, rebate.partner, rebate.year) == (GAUGES, plants.CAPPED, plants.CAPPED_YEAR)
    }
    before, after = date(plants.CAPPED_YEAR, 11, 30), date(plants.CAPPED_YEAR, 12, 31)
    if after not in found:
        return {}
    return {
        "expected_in_november_amount": money(found[before]),
        "earned_amount": money(found[after]),
        "december_accrual_amount": money(found[after] - found[before]),
    }


def _commercial_facts(world: World, documents: Documents) -> dict[str, Fact]:
    invoices, listings = documents.invoices, world.listings
    partners = listings.partner[invoices.pair]
    mine = partners == PARTNER_INDEX[plants.MARGIN_DESTROYER]
    distributors = np.array([p.channel == "regional_distributor" for p in PARTNERS])[partners] & ~mine
    capped = (partners == PARTNER_INDEX[plants.CAPPED]) & np.array(
        [
            world.products[index].family.code == plants.CAPPED_FAMILY
            for index in listings.product[invoices.pair].tolist()
        ]
    )
    years = np.array([(START + timedelta(days=day)).year for day in invoices.day[invoices.document].tolist()])
    capped_units = int(invoices.pieces[capped & (years == plants.CAPPED_YEAR)].sum())
    price_credits = np.flatnonzero(invoices.kind == PRICE_CREDIT)
    return_lines = invoices.kind[invoices.document] == RETURN_CREDIT
    facts: dict[str, Fact] = {
        "margin_destroyer": {
            "partner_code": plants.MARGIN_DESTROYER,
            **_margin(documents, mine),
            "other_distributors": _margin(documents, distributors),
        },
        "lost_rebate_tier": {
            "partner_code": plants.CAPPED,
            "family_code": plants.CAPPED_FAMILY,
            "year": plants.CAPPED_YEAR,
            "net_quantity": capped_units,
            "tier_above": plants.CAPPED_TIER,
            "missing_quantity": plants.CAPPED_TIER + 1 - capped_units,
            "programme_code": GAUGES,
            **_lost_rebate(world, documents),
            "from": f"{plants.CAPPED_YEAR}-12-31",
        },
        "price_only_credit_notes": {
            "documents": len(price_credits),
            "net_amount": money(int(invoices.net[price_credits].sum())),
            "net_quantity": 0,
            "example": invoices.number[int(price_credits[0])] if len(price_credits) else None,
        },
        "returned_goods": {
            "documents": int((invoices.kind == RETURN_CREDIT).sum()),
            "lines": int(return_lines.sum()),
            "returned_quantity": -int(invoices.pieces[return_lines].sum()),
            "net_amount": money(int(invoices.line_net[return_lines].sum())),
        },
        "slow_payer": _slow_payer(documents),
    }
    for code, number in (
        ("announced_deal_open", plants.ANNOUNCED_DEAL),
        ("announced_deal_slipped", plants.WON_LATE_DEAL),
    ):
        for deal in documents.opportunities:
            if deal.number == number:
                facts[code] = {
                    "opportunity_number": deal.number,
                    "partner_code": deal.partner,
                    "product_code": deal.product,
                    "announced_quantity": deal.pieces,
                    "announced_amount": money(deal.amount),
                    "stage_code": deal.stage,
                    "expected_date": deal.expected.isoformat(),
                    "closed_date": deal.closed.isoformat() if deal.closed else None,
                    "slip_days": ((deal.closed or world.as_of) - deal.expected).days,
                    "from": deal.expected.isoformat(),
                    "order_number": deal.order,
                }
    facts["biased_announcers"] = {
        "partners": [_announced(documents, world, code) for code in plants.BIASED_PERCENT],
        "from": plants.BIASED_FROM.isoformat(),
    }
    return facts


def _announced(documents: Documents, world: World, partner: str) -> Fact:
    """What the partner's decided deals announced and what the order that each became holds of the goods."""
    lines, orders = documents.order_lines, documents.orders
    held: dict[tuple[str, str], int] = {}
    for row in np.flatnonzero(
        ~lines.is_cancelled & (world.listings.partner[lines.pair] == PARTNER_INDEX[partner])
    ):
        product = world.products[int(world.listings.product[lines.pair[row]])].code
        place = (orders.number[int(orders.document[row])], product)
        held[place] = held.get(place, 0) + int(orders.net[row])
    return {
        "partner_code": partner,
        "deals": [
            {
                "opportunity_number": deal.number,
                "closed_date": deal.closed.isoformat(),
                "announced_amount": money(deal.amount),
                "bought_amount": money(held[deal.order, deal.product] if deal.order else 0),
            }
            for deal in documents.opportunities
            if deal.partner == partner and deal.closed
        ],
    }


def _margin(documents: Documents, chosen: Flags) -> Fact:
    invoices = documents.invoices
    net, gross = int(invoices.line_net[chosen].sum()), int(invoices.gross[chosen].sum())
    cost = int(invoices.cost[chosen].sum()) / 100
    sold, back = (
        invoices.pieces[chosen & (invoices.pieces > 0)].sum(),
        invoices.pieces[chosen & (invoices.pieces < 0)].sum(),
    )
    return {
        "gross_amount": money(gross),
        "net_amount": money(net),
        "cost_amount": f"{cost / 100:.4f}",
        "margin_rate": round(100 * (net - cost) / net, 4) if net else None,
        "exceptional_discount_amount": money(int(invoices.exceptional[chosen].sum())),
        "return_rate": round(-100 * int(back) / int(sold), 4) if sold else None,
    }


def _slow_payer(documents: Documents) -> Fact:
    invoices, payments = documents.invoices, documents.payments
    is_invoice = invoices.kind[payments.document] == INVOICE
    late = (payments.day - invoices.due[payments.document])[is_invoice]
    slow = invoices.partner[payments.document][is_invoice] == PARTNER_INDEX[plants.SLOW_PAYER]
    return {
        "partner_code": plants.SLOW_PAYER,
        "paid_invoices": int(slow.sum()),
        "sum_of_days_late": int(late[slow].sum()),
        "others_paid_invoices": int((~slow).sum()),
        "others_sum_of_days_late": int(late[~slow].sum()),
    }


def _delivery_facts(world: World, documents: Documents) -> dict[str, Fact]:
    lines, orders, shipments = documents.order_lines, documents.orders, documents.shipments
    last = day_number(world.as_of)
    whole = ~lines.is_cancelled & (np.where(lines.first_units > 0, lines.first_day, 0) <= last)
    whole &= np.where(lines.second_units > 0, lines.second_day, 0) <= last
    arrival = np.maximum(
        np.where(lines.first_units > 0, lines.first_arrival, 0),
        np.where(lines.second_units > 0, lines.second_arrival, 0),
    )
    in_time = whole & (arrival <= last)
    requested = orders.requested[orders.document]
    known = (shipments.received != NEVER) & ~shipments.is_return
    return {
        "partial_shipments": {
            "order_lines_shipped_in_two": int(
                ((lines.first_units > 0) & (lines.second_units > 0) & (lines.second_day <= last)).sum()
            ),
            "order_lines_shipped_whole": int(whole.sum()),
        },
        "late_deliveries": {
            "order_lines_arrived_whole": int(in_time.sum()),
            "order_lines_arrived_after_request": int((in_time & (arrival > requested)).sum()),
            "confirmed_delivery_lines": int(known.sum()),
        },
        "shortages": {
            "products": [
                {"product_codes": list(codes), "from": begin.isoformat(), "back": end.isoformat()}
                for codes, begin, end in plants.SHORTAGES
            ],
        },
        "unordered_product": {
            "product_code": plants.UNORDERED[0],
            "from": plants.UNORDERED[1].isoformat(),
            "supply_lead_days": LEAD_DAYS[plants.UNORDERED[0][:3]],
            "open_supply_lines": sum(
                line.product == plants.UNORDERED[0] and line.received is None for line in documents.supplies
            ),
        },
        "cancelled_orders": {"lines": int(lines.is_cancelled.sum())},
    }


def _master_data_facts(world: World, documents: Documents) -> dict[str, Fact]:
    by_code = {product.code: number for number, product in enumerate(world.products)}
    rise, change = day_number(plants.PRICE_RISE_DATE), day_number(plants.COST_CHANGE_DATE)
    facts: dict[str, Fact] = {}
    if rise < documents.price.shape[2]:
        number = by_code["RAC0103"]
        facts["price_rise"] = {
            "from": plants.PRICE_RISE_DATE.isoformat(),
            "percent_by_family": plants.PRICE_RISE_PERCENT,
            "product_code": "RAC0103",
            "price_list_code": "TAR-FR",
            "before": money(int(documents.price[0, number, rise - 1])),
            "after": money(int(documents.price[0, number, rise])),
        }
    if change < documents.cost.shape[1]:
        number = by_code["FLX0203"]
        facts["cost_change"] = {
            "from": plants.COST_CHANGE_DATE.isoformat(),
            "family_code": plants.COST_CHANGE_FAMILY,
            "percent": plants.COST_CHANGE_PERCENT,
            "product_code": "FLX0203",
            "before": f"{int(documents.cost[number, change - 1]) / 10000:.4f}",
            "after": f"{int(documents.cost[number, change]) / 10000:.4f}",
        }
    facts["terms_changes"] = {
        "partners": [
            {
                "partner_code": p.code,
                "from": p.later_discount[0].isoformat(),
                "discount_rate_before": p.discount / 10000,
                "discount_rate_after": p.later_discount[1] / 10000,
            }
            for p in PARTNERS
            if p.later_discount
        ]
        + [
            {
                "partner_code": p.code,
                "from": p.later_transit[0].isoformat(),
                "transit_days_before": p.transit_days,
                "transit_days_after": p.later_transit[1],
            }
            for p in PARTNERS
            if p.later_transit
        ],
    }
    return facts


def _sold_of(
    world: World, reports: Iterable[Report], partner: str, product: str
) -> Iterable[tuple[date, int]]:
    """Live lines of one product at one partner: first day of the line's period, and pieces net."""
    pair = find_pair(partner, product, world.products, world.listings)
    for report in reports:
        if report.state == "landed" and report.feed.partner == partner and _reports_sales(report.feed):
            for row in np.flatnonzero(report.lines.pair == pair).tolist():
                line = report.lines.take(row)
                first = report.periods[int(line.period)].first
                yield first, int(line.sold - line.returned) * int(_pieces(world, report)[row])


def _resold_under_agreement(
    world: World, programmes: Programmes, reports: Iterable[Report]
) -> dict[str, int]:
    """What the partner of ship and debit reported of its product, pieces by month of the weeks' Thursdays."""
    pieces: dict[str, int] = defaultdict(int)
    for _, step, partner, product, *_ in programmes.agreements:
        if step == "ship_and_debit":
            for monday, net in _sold_of(world, reports, partner, product):
                pieces[f"{monday + timedelta(days=3):%Y-%m}"] += net
    return pieces


def _report_facts(world: World, reports: Sequence[Report]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "territory_poacher": _poacher(world, reports),
        "late_reporter": _late(reports),
        "missing_reports": {
            "weeks": {"partner_code": plants.MISSING_WEEKS[0], "periods": list(plants.MISSING_WEEKS[1])},
            "month": {"partner_code": plants.MISSING_MONTH[0], "periods": [plants.MISSING_MONTH[1]]},
            "damaged": {"partner_code": plants.DAMAGED_EXCEL[0], "periods": [plants.DAMAGED_EXCEL[1]]},
            "from": "2025-08-31",
        },
        "reported_zero": {
            "partner_code": plants.REPORTED_ZERO[0],
            "month": plants.REPORTED_ZERO[1],
            "net_quantity": 0,
            "line_count": 0,
            "from": "2025-09-06",
        },
        "feed_switch": {
            "partner_code": "W01",
            "from": "2026-05-01",
            "before": "W01_mois",
            "after": "W01_jour",
        },
        "launched_products": {
            "from": plants.LAUNCH_DATE.isoformat(),
            "product_codes": list(plants.LAUNCHED),
            "age_days": (world.as_of - plants.LAUNCH_DATE).days,
        },
    }
    for code, (partner, period) in (
        ("restated_report", plants.RESTATED),
        ("duplicate_file", plants.DUPLICATE),
        ("damaged_file", plants.DAMAGED_EXCEL),
        ("wrong_header", plants.WRONG_HEADER),
    ):
        here = [report for report in reports if report.feed.partner == partner and report.span.key == period]
        if here:
            facts[code] = {
                "partner_code": partner,
                "period": period,
                "from": here[0].delivered.date().isoformat(),
                "files": [
                    {
                        "file": report.path,
                        "state": report.state,
                        "delivered_at": report.delivered.isoformat(),
                        "net_quantity": int((report.lines.sold - report.lines.returned).sum()),
                        "net_amount": money(int(report.lines.amount.sum())),
                    }
                    for report in here
                ],
            }
    facts |= _store_facts(reports)
    facts["unmatched_codes"] = _unresolved(reports, "product_unmatched")
    facts["unknown_units"] = _unresolved(reports, "unit_unknown")
    facts["packs"] = _packs(world, reports)
    # A piece of the old article that comes back after the change is reported under the code all the same: by
    # the dates of the crosswalk it reads as the new article.
    reused = {plants.REUSED_CODE_BEFORE: 0, plants.REUSED_CODE_AFTER: 0}
    for product in tuple(reused):
        for first, pieces in _sold_of(world, reports, plants.REUSED_CODE_PARTNER, product):
            is_after = first >= plants.REUSED_CODE_DATE
            reused[plants.REUSED_CODE_AFTER if is_after else plants.REUSED_CODE_BEFORE] += pieces
    facts["reused_code"] = {
        "partner_code": plants.REUSED_CODE_PARTNER,
        "partner_product_code": plants.REUSED_CODE,
        "from": plants.REUSED_CODE_DATE.isoformat(),
        "net_quantity_by_product": reused,
    }
    facts["late_listing"] = {
        "partner_code": plants.LATE_LISTING_PARTNER,
        "from": plants.LATE_LISTING_DATE.isoformat(),
        "launch_date": plants.LAUNCH_DATE.isoformat(),
        "net_quantity_by_product": {
            product: sum(
                pieces for _, pieces in _sold_of(world, reports, plants.LATE_LISTING_PARTNER, product)
            )
            for product in plants.LAUNCHED
        },
    }
    return facts


def _poacher(world: World, reports: Iterable[Report]) -> Fact:
    own = len(POSTAL[plants.POACHER])
    months: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for report in reports:
        if report.feed.partner != plants.POACHER or report.state != "landed":
            continue
        lines = report.lines
        poached = lines.place >= own
        month = months[report.span.key]
        month["line_count"] += int(poached.sum())
        month["net_quantity"] += int((lines.sold - lines.returned)[poached].sum())
        month["net_cents"] += int(lines.amount[poached].sum())
        month["all_quantity"] += int((lines.sold - lines.returned).sum())
    return {
        "partner_code": plants.POACHER,
        "from": plants.POACHING_FROM.isoformat(),
        "territory_code": plants.POACHED_TERRITORY,
        "exclusive_partner_code": plants.POACHED,
        "postal_codes": list(POACHED_POSTAL),
        "months": [
            {
                "month": key,
                "line_count": month["line_count"],
                "net_quantity": month["net_quantity"],
                "net_amount": money(month["net_cents"]),
                "partner_net_quantity": month["all_quantity"],
            }
            for key, month in sorted(months.items())
            if month["line_count"]
        ],
    }


def _late(reports: Iterable[Report]) -> Fact:
    mine = [
        report
        for report in reports
        if report.feed.partner == plants.LATE_REPORTER and report.span.first >= plants.LATE_FROM
    ]
    return {
        "partner_code": plants.LATE_REPORTER,
        "from": plants.LATE_FROM.isoformat(),
        "due_days": 3,
        "reports": [
            {
                "period": report.span.key,
                "delivered_at": report.delivered.isoformat(),
                "days_after_period": (report.delivered.date() - report.span.last).days,
            }
            for report in mine
        ],
    }


def stores_sold(reports: Iterable[Report]) -> dict[tuple[str, str, str], list[int]]:
    """Lines, net pieces and cents by partner, what it calls the store, and our store."""
    totals: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for report in reports:
        feed, lines = report.feed, report.lines
        if report.state != "landed" or feed.split != "store":
            continue
        names = stores_written(feed, report.periods, lines, spelled)
        ours = [stores.find(feed.partner, feed.stores[place]).code for place in lines.place.tolist()]
        net = (lines.sold - lines.returned).tolist()
        for name, code, pieces, cents in zip(names, ours, net, lines.amount.tolist(), strict=True):
            total = totals[feed.partner, name, code]
            total[0] += 1
            total[1] += pieces
            total[2] += cents
    return totals


def _store_facts(reports: Sequence[Report]) -> dict[str, Fact]:
    """Stores as partners write them, and the three that are written wrongly or not known by that name."""
    sold = stores_sold(reports)
    partner, written = plants.FOREIGN_GLN_STORE
    return {
        "stores": {
            "from": START.isoformat(),
            "stores": [
                {
                    "partner_code": key[0],
                    "reported_store": key[1],
                    "store_code": key[2],
                    "line_count": lines,
                    "net_quantity": pieces,
                    "net_amount": money(cents),
                }
                for key, (lines, pieces, cents) in sorted(sold.items())
            ],
        },
        "unlisted_store": {
            "partner_code": plants.UNLISTED_STORE[0],
            "reported_store": plants.UNLISTED_STORE[1],
            "store_code": stores.find(*plants.UNLISTED_STORE).code,
            "from": START.isoformat(),
        },
        "respelled_store": {
            "partner_code": plants.RESPELLED_STORE[0],
            "reported_store": plants.RESPELLED_AS,
            "store_code": stores.find(*plants.RESPELLED_STORE).code,
            "from": plants.RESPELLED_FROM.isoformat(),
        },
        "foreign_gln": {
            "partner_code": partner,
            "reported_store": written,
            "store_code": stores.find(partner, written).code,
            "gln": stores.find(*plants.FOREIGN_GLN_OF).gln,
            "other_partner_code": plants.FOREIGN_GLN_OF[0],
            "from": plants.FOREIGN_GLN_FROM.isoformat(),
        },
    }


def _unresolved(reports: Iterable[Report], fate: str) -> Fact:
    by_partner: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for report in reports:
        if report.state == "landed":
            net = (report.lines.sold - report.lines.returned).tolist()
            for quantity, here in zip(net, report.fates, strict=True):
                if here == fate:
                    by_partner[report.feed.partner][0] += 1
                    by_partner[report.feed.partner][1] += quantity
    return {
        "from": UNKNOWN_CODE_FROM.isoformat() if fate == "product_unmatched" else "2025-11-30",
        "partners": [
            {"partner_code": partner, "line_count": lines, "net_quantity_in_unit": quantity}
            for partner, (lines, quantity) in sorted(by_partner.items())
        ],
    }


def _packs(world: World, reports: Iterable[Report]) -> Fact:
    """Partners that report boxes: pieces as they are, and what one gets who adds boxes to pieces."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for report in reports:
        if report.feed.packs and report.state == "landed":
            resolved = np.array([fate == "resolved" for fate in report.fates], dtype=np.bool_)
            net = (report.lines.sold - report.lines.returned)[resolved]
            total = totals[report.feed.partner]
            total[0] += int((report.lines.unit[resolved] > 0).sum())
            total[1] += int((net * _pieces(world, report)[resolved]).sum())
            total[2] += int(net.sum())
    return {
        "partners": [
            {
                "partner_code": partner,
                "box_lines": boxes,
                "net_quantity": pieces,
                "wrong_net_quantity_without_conversion": naive,
            }
            for partner, (boxes, pieces, naive) in sorted(totals.items())
        ],
    }


# --- stock ---


def _stock_facts(world: World, reports: Sequence[Report]) -> dict[str, Fact]:
    year, week = plants.PHANTOM_FROM.split("-W")
    phantom_from = date.fromisocalendar(int(year), int(week), 1)
    grey = stock_by_week(world, reports, plants.GREY_IMPORT_PARTNER, plants.GREY_IMPORT_PRODUCT)
    return {
        "phantom_stock": {
            "partner_code": plants.PHANTOM_PARTNER,
            "from": phantom_from.isoformat(),
            "gap_quantity": plants.PHANTOM_UNITS,
            "weeks_by_product": {
                product: [
                    row
                    for row in stock_by_week(world, reports, plants.PHANTOM_PARTNER, product)
                    if row["week"] >= plants.PHANTOM_FROM
                ]
                for product in plants.PHANTOM_PRODUCTS
            },
        },
        "missing_sell_in": {
            "partner_code": plants.GREY_IMPORT_PARTNER,
            "product_code": plants.GREY_IMPORT_PRODUCT,
            "from": plants.GREY_IMPORT_DATE.isoformat(),
            "quantity": plants.GREY_IMPORT_UNITS,
            "weeks": [row for row in grey if row["week"] >= "2026-W06"],
            "negative_weeks": [row["week"] for row in grey if row["calculated_quantity"] < 0],
        },
    }


def stock_by_week(world: World, reports: Iterable[Report], partner: str, product: str) -> list[Fact]:
    """Reported stock of a weekly reporter, and stock rolled forward from its first report."""
    pair = find_pair(partner, product, world.products, world.listings)
    trade: Trade = world.trade
    rows: list[Fact] = []
    calculated: int | None = None
    for report in sorted(
        (
            r
            for r in reports
            if r.feed.partner == partner and r.state == "landed" and "stock" in r.feed.fields
        ),
        key=lambda report: report.span.first,
    ):
        found = np.flatnonzero(report.lines.pair == pair)
        if not len(found):
            continue
        reported = int(report.lines.stock[found[0]])
        window = slice(day_number(report.span.first), day_number(report.span.last) + 1)
        received, back = int(trade.arrived[window, pair].sum()), int(trade.sent_back[window, pair].sum())
        sold, returned = int(trade.sold[window, pair].sum()), int(trade.returned[window, pair].sum())
        calculated = reported if calculated is None else calculated + received - back - sold + returned
        rows.append(
            {
                "week": report.span.key,
                "received_quantity": received,
                "returned_to_us_quantity": back,
                "sold_quantity": sold,
                "consumer_returned_quantity": returned,
                "reported_quantity": reported,
                "calculated_quantity": calculated,
                "gap_quantity": reported - calculated,
            }
        )
    return rows
