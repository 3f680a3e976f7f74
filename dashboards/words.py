"""What the pages say beside the business names of columns and codes, which stand with the models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestration.workbook import Locale

WORDS: Final[Mapping[str, Mapping[Locale, str]]] = {
    "network": {"fr": "Réseau", "en": "Network"},
    "partner": {"fr": "Partenaire", "en": "Partner"},
    "stock": {"fr": "Stock", "en": "Stock"},
    "margin": {"fr": "Marge", "en": "Margin"},
    "alerts": {"fr": "Alertes", "en": "Alerts"},
    "as_of": {"fr": "Chiffres au", "en": "Figures as of"},
    "version": {"fr": "publication", "en": "publication"},
    "of_reports": {
        "fr": "Rapports reçus : {received} sur {expected}",
        "en": "Reports received: {received} of {expected}",
    },
    "channels": {"fr": "Canaux", "en": "Channels"},
    "months": {"fr": "Mois entiers", "en": "Whole months"},
    "month": {"fr": "Mois", "en": "Month"},
    "units": {"fr": "unités", "en": "units"},
    "sell_in": {"fr": "Sell-in", "en": "Sell-in"},
    "sell_out": {"fr": "Sell-out", "en": "Sell-out"},
    "sell_in_amount": {"fr": "Sell-in net", "en": "Net sell-in"},
    "ratio": {"fr": "Sell-out / sell-in", "en": "Sell-out / sell-in"},
    "ratio_of": {
        "fr": "Achats et reventes des mois déclarés en entier, en unités",
        "en": "Bought and sold on in months reported in full, in units",
    },
    "unconverted_lines": {
        "fr": "Lignes de facture sans cours de change : {count}. Leur montant manque au sell-in.",
        "en": "Invoice lines without a rate of exchange: {count}. Their amount is missing from the sell-in.",
    },
    "by_channel": {"fr": "Sell-in net par canal", "en": "Net sell-in by channel"},
    "partners": {"fr": "Partenaires", "en": "Partners"},
    "open_alerts": {"fr": "Alertes ouvertes", "en": "Open alerts"},
    "no_alert": {"fr": "Aucune alerte ouverte.", "en": "No open alert."},
    "no_rows": {"fr": "Rien à montrer pour ce choix.", "en": "Nothing to show for this choice."},
    "units_by_month": {
        "fr": "Sell-in, sell-out et stock par mois, en unités",
        "en": "Sell-in, sell-out and stock by month, in units",
    },
    "known_stock": {"fr": "Stock connu", "en": "Known stock"},
    "positions": {
        "fr": "Positions (partenaire × produit), dernier stock connu",
        "en": "Positions (partner × product), newest stock known",
    },
    "status": {"fr": "État", "en": "Status"},
    "on_hand": {"fr": "Unités en stock", "en": "Units on hand"},
    "waterfall": {
        "fr": "Du tarif à la contribution du canal",
        "en": "From list price to channel contribution",
    },
    "step": {"fr": "Étape", "en": "Step"},
    "unknown_lines": {
        "fr": "Lignes sans coût ou sans cours de change : {count}. La marge n'est pas connue en entier.",
        "en": "Lines without a cost or a rate of exchange: {count}. The margin is not known in full.",
    },
    "profitability": {"fr": "Rentabilité par partenaire", "en": "Profitability by partner"},
    "reconciliation": {
        "fr": "Rapprochement avec la comptabilité",
        "en": "Reconciliation with the ledger",
    },
    "no_ledger": {
        "fr": "Aucune écriture comptable n'est publiée pour ces mois.",
        "en": "No ledger is published for these months.",
    },
    "score": {"fr": "Note", "en": "Score"},
    "scorecard": {"fr": "Fiche de performance", "en": "Scorecard"},
    "not_known": {"fr": "non connu", "en": "not known"},
}
