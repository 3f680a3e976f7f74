"""What the second calculation reads: the ERP's own tables, the company's rules, and the invoice lines."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

CHANNELS = {"RD": "regional_distributor", "CP": "trade_counter", "WEB": "online_reseller", "DIR": "direct"}
OPEN_END = "9999-12-31"
LANDED = {"TRA": "inbound_freight", "DOU": "customs", "MAT": "material_surcharge"}
"""Kinds of the ERP's landed costs, by what we call them."""
MILLION = 1_000_000


@dataclass(frozen=True)
class Books:
    """Where the sample company's books lie, and its last day. Days are texts, `2026-06-30`."""

    erp: Path
    rules: Path
    today: str

    def table(self, name: str) -> pd.DataFrame:
        """A table of the ERP as it is; days without their time."""
        with sqlite3.connect(self.erp) as erp:
            found = pd.read_sql(f"select * from {name}", erp)
        for column in found:
            if column.startswith("date_") or column == "mois":
                found[column] = found[column].str[:10]
        return found

    def rule(self, name: str) -> dict[str, Any]:
        """A file of rules as it is."""
        content = yaml.safe_load((self.rules / f"{name}.yml").read_text(encoding="utf-8"))
        return dict(content)


def cents(amounts: pd.Series) -> pd.Series:
    return (amounts * 100).round().astype("int64")


def hundredths(amounts: pd.Series) -> pd.Series:
    """Hundredths of a cent, in which unit costs are kept."""
    return (amounts * 10_000).round().astype("int64")


def millionths(rate: float) -> int:
    return round(rate * MILLION)


def share(amount: int, *rates: int) -> int:
    """`amount` times rates in millionths, rounded half away from zero."""
    product, whole = abs(amount), 1
    for rate in rates:
        product, whole = product * rate, whole * MILLION
    rounded = (2 * product + whole) // (2 * whole)
    return rounded if amount >= 0 else -rounded


def in_force(dated: pd.DataFrame, lines: pd.DataFrame, keys: list[str], day: str) -> pd.DataFrame:
    """The rows of `dated` that hold on the lines' days, by line: those with the same keys."""
    pairs = lines[[*keys, day]].reset_index().merge(dated, on=keys)
    after = pairs["date_fin"].fillna(OPEN_END)
    return pairs[(pairs["date_effet"] <= pairs[day]) & (pairs[day] < after)].set_index("line")


def invoice_lines(books: Books) -> pd.DataFrame:
    """Posted invoice lines, by document and number of the line. Gross and net in cents; cost and landed costs
    in hundredths of a cent. `sale_day` is the invoice's, also for a credit note that names it.
    """
    heads = books.table("factures")
    heads = heads[heads["etat"] == "V"]
    found = books.table("factures_lignes").merge(
        heads[["no_piece", "type_piece", "code_tiers", "date_piece", "no_origine", "devise"]], on="no_piece"
    )
    assert (found["devise"] == "EUR").all()
    packs = books.table("articles_cond")[["code_article", "unite", "qte_base"]]
    found = found.merge(packs, on=["code_article", "unite"], how="left")
    found = found.merge(books.table("articles")[["code_article", "code_famille"]], on="code_article")
    found = found.merge(books.table("tiers")[["code_tiers", "categorie"]], on="code_tiers")
    day_of = dict(zip(heads["no_piece"], heads["date_piece"], strict=True))
    lines = pd.DataFrame(
        {
            "line": found["no_piece"] + "|" + found["no_ligne"].astype(str),
            "document": found["no_piece"],
            "is_invoice": found["type_piece"] == "F",
            "original": found["no_origine"],
            "order": found["no_cde"],
            "order_line": found["no_ligne_cde"],
            "partner": found["code_tiers"],
            "channel": found["categorie"].map(CHANNELS),
            "product": found["code_article"],
            "family": found["code_famille"],
            "day": found["date_piece"],
            "month": found["date_piece"].str[:7],
            "sale_day": found["no_origine"].map(day_of).fillna(found["date_piece"]),
            "pieces": found["qte"] * found["qte_base"].fillna(1).astype("int64"),
            "gross": cents(found["montant_brut"]),
            "contract_of_erp": cents(found["remise_contrat"]),
            "net": cents(found["montant_net"]),
        }
    ).set_index("line")
    terms = books.table("tiers_conditions").rename(columns={"code_tiers": "partner"})
    lines["segment"] = in_force(terms, lines, ["partner"], "sale_day")["classe"]
    costs = books.table("articles_pru").rename(columns={"code_article": "product"})
    lines["cost"] = lines["pieces"] * hundredths(
        in_force(costs, lines, ["product"], "day")["prix_revient"].reindex(lines.index)
    )
    charges = books.table("articles_frais").rename(columns={"code_article": "product"})
    assert set(charges["nature"]) <= set(LANDED)
    borne = in_force(charges, lines, ["product"], "day")
    for nature, name in LANDED.items():
        of_kind = hundredths(borne[borne["nature"] == nature]["frais_unitaire"])
        lines[name] = lines["pieces"] * of_kind.reindex(lines.index, fill_value=0)
    assert lines.drop(columns=["original", "order", "order_line"]).notna().all(axis=None)
    return lines
