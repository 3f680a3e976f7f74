"""Words by which partners name their columns, as data: French and English, and what is plain in German,
Spanish, Italian and Dutch.

What belongs here: words. What does not: how much a word proves (`connectors.feeds.propose`). Words are
compared folded: without case, accents, and signs; a title matches a phrase if it is equal to it, and less
surely if it holds all its words.
"""

from __future__ import annotations

from typing import Final

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "sale_date": (
        "date", "date de vente", "date vente", "jour", "date facture", "date de facture", "date ticket",
        "date commande", "date de commande", "sale date", "sales date", "order date", "invoice date",
        "transaction date", "day", "datum", "verkaufsdatum", "rechnungsdatum", "belegdatum", "fecha",
        "fecha de venta", "fecha factura", "data vendita", "data fattura", "verkoopdatum", "factuurdatum",
    ),
    "store_code": (
        "magasin", "code magasin", "n magasin", "point de vente", "pdv", "agence", "depot", "site",
        "enseigne", "lieu", "lieu de vente", "store", "store id", "store code", "store number", "shop",
        "outlet", "branch", "location", "warehouse", "section", "sheet", "filiale", "filialnummer",
        "standort", "verkaufsstelle", "tienda", "codigo tienda", "sucursal", "negozio", "codice negozio",
        "punto vendita", "winkel", "winkelnummer", "vestiging",
    ),
    "store_name": (
        "nom magasin", "nom du magasin", "nom point de vente", "nom du point de vente", "libelle magasin",
        "nom agence", "nom depot", "raison sociale magasin", "store name", "shop name", "outlet name",
        "branch name", "location name", "warehouse name", "filialname", "nombre tienda", "nome negozio",
        "winkelnaam",
    ),
    "store_gln": (
        "gln", "gln magasin", "code gln", "gln point de vente", "gln site", "gln depot", "store gln",
        "location gln",
    ),
    "store_siret": (
        "siret", "siret magasin", "n siret", "numero siret", "siret point de vente", "siret agence",
        "siret depot", "store siret",
    ),
    "store_address": (
        "adresse magasin", "adresse du magasin", "adresse point de vente", "rue magasin", "adresse agence",
        "adresse depot", "store address", "shop address", "outlet address", "store street",
    ),
    "store_city": (
        "ville magasin", "ville du magasin", "ville point de vente", "commune magasin", "ville agence",
        "ville depot", "store city", "store town", "shop city", "outlet city",
    ),
    "postal_code": (
        "code postal", "cp", "cp client", "cp magasin", "code postal magasin", "store postal code",
        "store postcode", "store zip", "cp livraison", "postal code", "postcode", "zip", "zip code", "plz",
        "postleitzahl", "codigo postal", "cap", "codice postale",
    ),
    "gtin": (
        "gtin", "ean", "code ean", "ean13", "ean 13", "gencod", "gencode", "code barre", "code barres",
        "upc", "barcode", "bar code", "codigo de barras", "codigo ean", "codice a barre", "codice ean",
        "strichcode",
    ),
    "product_code": (
        "reference fournisseur", "ref fournisseur", "reference fabricant", "ref fabricant",
        "votre reference", "votre ref", "code fournisseur", "supplier reference", "supplier ref",
        "supplier code", "manufacturer code", "manufacturer part number", "mpn", "vendor code",
        "vendor sku", "your reference", "lieferantenartikelnummer", "herstellernummer",
        "referencia proveedor", "referencia fabricante", "codice fornitore", "codice produttore",
        "leveranciersnummer",
    ),
    "partner_product_code": (
        "reference", "ref", "code", "code article", "article", "code produit", "reference article",
        "ref article", "ref produit", "notre reference", "notre ref", "ref interne", "reference interne",
        "code interne", "nos references", "sku", "item", "item code", "item number", "item no",
        "product code", "product id", "article number", "part number", "our reference", "internal code",
        "produit", "artikelnummer", "artikel nr", "artikelnr", "art nr", "artnr", "artikel",
        "materialnummer", "sachnummer", "referencia", "codigo", "codigo articulo", "articulo", "codice",
        "codice articolo", "articolo", "artikelcode",
    ),
    "product_label": (
        "designation", "libelle", "libelle article", "libelle produit", "designation article",
        "description", "nom produit", "nom du produit", "nom article", "product name",
        "product description", "item description", "label", "intitule", "bezeichnung", "artikelbezeichnung",
        "beschreibung", "produktname", "descripcion", "denominacion", "descrizione", "descrizione articolo",
        "omschrijving", "artikelomschrijving",
    ),
    "unit_code": (
        "unite", "unite de vente", "uv", "ud", "unit", "uom", "unit of measure", "einheit", "mengeneinheit",
        "unidad", "unidad de medida", "unita di misura", "eenheid",
    ),
    "sold_quantity": (
        "quantite", "qte", "qte vendue", "quantite vendue", "vendu", "vendus", "nb vendu", "ventes",
        "nombre vendu", "unites vendues", "ventes nettes", "qte nette", "quantite nette", "vente", "qty",
        "quantity", "qty sold", "quantity sold", "units", "units sold", "sold", "sales quantity",
        "sales units", "sell out", "sellout", "sell out quantity", "net units", "ventes unites",
        "ventes qte", "ventes quantite", "volume", "volume vendu", "menge", "verkaufsmenge",
        "verkaufte menge", "absatz", "absatzmenge", "stuck", "anzahl", "cantidad", "cantidad vendida",
        "unidades", "unidades vendidas", "quantita", "quantita venduta", "venduto", "pezzi", "aantal",
        "aantal verkocht", "verkocht",
    ),
    "returned_quantity": (
        "retour", "retours", "qte retournee", "quantite retournee", "quantite reprise", "qte reprise",
        "qte retour", "repris", "reprises", "nb repris", "nb retour", "ventes retours", "returns",
        "returned", "qty returned", "quantity returned", "units returned", "returned quantity", "retouren",
        "retourmenge", "rucksendungen", "devoluciones", "cantidad devuelta", "resi", "quantita resa",
        "retour aantal",
    ),
    "net_amount": (
        "ca", "ca ht", "ca net", "ca net ht", "montant", "montant ht", "montant net", "montant net ht",
        "ca ttc", "montant ttc", "chiffre d affaires", "chiffre d affaires ht", "ventes ca ht", "ventes ca",
        "ventes valeur", "valeur", "net amount", "amount", "sales amount", "sales value", "sales",
        "revenue", "net revenue", "net sales", "turnover", "net value", "net eur", "net usd", "net chf",
        "net gbp", "total ht", "total ttc", "ext price", "extended price", "extended amount", "umsatz",
        "umsatz netto", "nettoumsatz", "nettobetrag", "netto umsatz", "betrag", "wert", "importe",
        "importe neto", "ventas netas", "fatturato", "importo", "importo netto", "valore", "omzet",
        "netto omzet", "bedrag", "nettobedrag",
    ),
    "returned_amount": (
        "retours montant", "montant retours", "montant retour", "montant retourne", "retours ca",
        "retours ca ht", "ca retours", "retours valeur", "valeur retours", "montant des retours",
        "returns amount", "returned amount", "returns value", "refunds", "refund amount", "retouren wert",
        "retouren umsatz", "importe devoluciones", "importo resi",
    ),
    "on_hand_quantity": (
        "stock", "stock fin de semaine", "stock fin de mois", "stock final", "stock au dernier jour",
        "stock pieces", "stock disponible", "qte stock", "quantite en stock", "en stock", "stock qte",
        "stock quantite", "inventaire", "on hand", "stock on hand", "closing stock", "ending stock",
        "inventory", "on hand quantity", "qty on hand", "stock quantity", "bestand", "lagerbestand",
        "endbestand", "existencias", "inventario", "giacenza", "giacenza finale", "voorraad",
        "eindvoorraad",
    ),
    "in_transit_quantity": (
        "en transit", "stock en transit", "transit", "en cours de livraison", "in transit", "qty in transit",
    ),
    "currency_code": (
        "devise", "monnaie", "currency", "currency code", "wahrung", "moneda", "divisa", "valuta",
    ),
    "transaction_id": (
        "ticket", "n ticket", "numero ticket", "numero de ticket", "facture", "n facture", "commande",
        "n commande", "numero de commande", "transaction", "transaction id", "order id", "order number",
        "order no", "basket", "basket id", "receipt", "receipt number", "invoice", "invoice number",
        "belegnummer", "rechnungsnummer", "bestellnummer", "numero de factura", "numero de pedido",
        "numero fattura", "factuurnummer", "ordernummer",
    ),
    "customer": (
        "client", "nom client", "nom du client", "code client", "n client", "carte fidelite", "email",
        "e mail", "courriel", "customer", "customer id", "customer name", "customer code", "household id",
        "loyalty id", "loyalty card", "kunde", "kundennummer", "kundenname", "cliente", "codigo cliente",
        "codice cliente", "klant", "klantnummer",
    ),
}  # fmt: skip
"""Canonical column -> phrases, the plainest first."""

PERIOD_TITLES: Final = (
    "semaine", "periode", "mois", "mois de vente", "annee mois", "week", "iso week", "period", "month",
    "year month", "sales month", "semaine de vente",
)  # fmt: skip
"""Titles of a column that names the period of each row."""

CUMULATIVE_WORDS: Final = frozenset(
    ("cumul", "cumuls", "cumule", "cumulee", "cumules", "cumulees", "cumulative", "cumulated", "ytd",
     "kumuliert", "kumulierte", "acumulado", "acumulada", "cumulato", "cumulata", "cumulatief", "cumulatieve")
)  # fmt: skip
"""Words by which a title says that its figures add up several periods."""

OTHER_TITLES: Final = frozenset(
    ("prix", "pu", "tarif", "remise", "marge", "taux", "tva", "preis", "rabatt", "precio", "prezzo", "sconto",
     "prijs", "korting", "warengruppe", "price", "cost", "discount", "margin", "vat",
     "rank", "rang", "rayon", "famille", "family", "category", "brand", "marque", "telephone", "phone",
     "commentaire", "comment", "objectif", "target", "evolution", "part", "share", "budget",
     "prevu", "prevue", "prevision", "previsions", "forecast", "plan", "planned", "beginning", "opening",
     "initial", "initiale", "debut", "mini", "maxi", "precedent", "precedente", "previous", "k",
     "keur", "kusd", "milliers", "thousands", "unitaire", "unitaires", "unitario", "unitaria", "einzelwert",
     "achat", "achats", "achete", "achetee", "achetees", "purchase", "purchases", "purchased", "einkauf",
     "ek", "compra", "compras", "comprada", "acquisto", "acquisti", "cout", "couts", "recu", "recue", "recus",
     "recues", "reception", "receptions", "received", "wareneingang", "recibida", "ricevuta", "mise", "maj",
     "update", "updated", *CUMULATIVE_WORDS)
)  # fmt: skip
"""Words that say that a column is none of ours, whatever else stands in its title."""

STOCK_WORDS: Final = frozenset(
    ("stock", "stocks", "inventaire", "inventory", "bestand", "lagerbestand", "existencias", "inventario",
     "giacenza", "voorraad")
)  # fmt: skip
"""Words by which a title of an amount says that it is what the stock is worth."""

GROSS_WORDS: Final = frozenset(("brut", "brute", "bruts", "brutes", "gross", "brutto", "bruto", "lordo"))
"""Words by which an amount says that it is another than the net one beside it."""

MONEY_WORDS: Final = frozenset(
    ("valeur", "valorise", "montant", "value", "amount", "wert", "valor", "importe", "valore", "importo",
     "waarde", "bedrag", "eur", "euro", "euros", "usd", "chf", "gbp", "ht", "ttc")
)  # fmt: skip
"""Words by which a title of a quantity says that it is an amount."""

QUANTITY_WORDS: Final = frozenset(
    ("qte", "quantite", "quantites", "qty", "quantity", "unite", "unites", "units", "unit", "pieces", "nb",
     "nombre", "menge", "stuck", "anzahl", "cantidad", "unidades", "quantita", "pezzi", "aantal")
)  # fmt: skip
"""Words by which a title says that it counts."""

RETURN_WORDS: Final = frozenset(
    ("avoir", "avoirs", "av", "facture avoir", "facture d avoir", "note de credit", "retour", "retours",
     "ret", "retour client", "credit", "credit note", "credit memo", "return", "returns", "gutschrift",
     "retoure", "abono", "devolucion", "nota di credito", "reso", "creditnota")
)  # fmt: skip
"""Kinds of document, and of movement, whose quantities came back."""

PACK_WORDS: Final = frozenset(
    ("carton", "cartons", "colis", "palette", "palettes", "boite", "boites", "caisse", "caisses", "lot",
     "lots", "box", "boxes", "case", "cases", "pallet", "pallets", "pack", "packs", "kartons", "paletten",
     "cajas", "scatole", "dozen", "dozens")
)  # fmt: skip
"""Words by which a title of a quantity says that it counts packs."""

ONLY_NET: Final = frozenset(("net", "netto", "neto"))
"""Titles that say net and not of what: of an amount, more often than of returns."""

NET_WORDS: Final = frozenset(("net", "nets", "nette", "nettes"))
"""Words by which a title of a quantity says that returns are deducted."""

TAX_WORDS: Final = frozenset(("ttc", "tvac"))
"""Words by which a title of an amount says that it includes tax."""

CURRENCY_WORDS: Final[dict[str, str]] = {
    "eur": "EUR", "euro": "EUR", "euros": "EUR", "usd": "USD", "chf": "CHF", "gbp": "GBP",
}  # fmt: skip
"""Words by which a title of an amount names its currency: those that mean nothing else."""

CURRENCY_SIGNS: Final[dict[str, str]] = {
    "€": "EUR", "EUR": "EUR", "$": "USD", "USD": "USD", "£": "GBP", "GBP": "GBP", "CHF": "CHF",
}  # fmt: skip
"""What stands before or behind an amount, in capitals, and its currency."""

_PARTIAL: Final = "(grand|sous|sub)[ -]?"
_TOTAL: Final = (
    "(?:total|totaux|totale|totaal|eindtotaal|somme|summe|endsumme|zwischensumme|gesamtsumme|gesamtergebnis|"
    "gesamt|suma|sum)"
)
TOTAL_PATTERN: Final = rf"(?i)^\s*({_PARTIAL})?{_TOTAL}\b"
"""What a row that only adds up others begins with; read by Python and by DuckDB."""

TOTAL_PRODUCT: Final = rf"(?i)({_PARTIAL}{_TOTAL}([\s:].*)?|{_TOTAL}([\s:]+(\D*|20\d\d))?)"
"""The whole of such a cell where a product's code is expected: `TOTAL-5W30` and `Total Quartz 9000` are
products.
"""

_BEHIND: Final = r"[\s:](?:total|totale|totaal|somme|summe|suma|sum|ergebnis|r[ée]sultat|result)\s*:?$"
TOTAL_BEHIND: Final = f"(?i){_BEHIND}"
"""How such a row ends where the key stands before the word."""

SUBTOTALS: Final = (rf"(?i)^{_TOTAL}[\s:]+(.+)$", f"(?i)^(.+?){_BEHIND}")
"""A row that adds up those of one code, as Excel inserts it: `Total A` in French, `A Total` in English; it is
one only where there are rows of that code.
"""

TOTAL_STORE: Final = (
    rf"(?i)({_PARTIAL})?(total|totaux)(\s+(g[ée]n[ée]rale?|generale?|magasins?|stores?))?\s*:?"
)
"""The whole of such a cell where a store is expected: `Total Access` and `Somme` are stores."""

TOTAL_LETTERS: Final = "EGSTZegstz"
"""First letters of these."""

MONTHS: Final[tuple[tuple[str, ...], ...]] = (
    ("janvier", "janv", "jan", "january", "januar", "enero", "gennaio", "januari"),
    ("fevrier", "fevr", "fev", "february", "feb", "februar", "febrero", "febbraio", "februari"),
    ("mars", "mar", "march", "marz", "marzo", "maart"),
    ("avril", "avr", "april", "apr", "abril", "aprile"),
    ("mai", "may", "mayo", "maggio", "mei"),
    ("juin", "june", "jun", "juni", "junio", "giugno"),
    ("juillet", "juil", "july", "jul", "juli", "julio", "luglio"),
    ("aout", "aou", "august", "aug", "agosto", "augustus"),
    ("septembre", "sept", "september", "sep", "septiembre", "settembre"),
    ("octobre", "oct", "october", "oktober", "okt", "octubre", "ottobre"),
    ("novembre", "nov", "november", "noviembre"),
    ("decembre", "dec", "december", "dezember", "dez", "diciembre", "dicembre"),
)
"""Names of the months, January first: all spellings, folded."""

WEEKDAYS: Final = (
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche", "lun", "mar", "mer", "jeu",
    "ven", "sam", "dim", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mon",
    "tue", "wed", "thu", "fri", "sat", "sun", "montag", "dienstag", "mittwoch", "donnerstag", "freitag",
    "samstag", "sonntag", "lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo", "lunedi",
    "martedi", "mercoledi", "giovedi", "venerdi", "domenica", "maandag", "dinsdag", "woensdag", "donderdag",
    "vrijdag", "zaterdag", "zondag",
)  # fmt: skip
"""Names of the weekdays, folded."""

UNITS: Final[dict[str, str]] = {
    "pce": "PCE", "pc": "PCE", "pcs": "PCE", "piece": "PCE", "pieces": "PCE", "u": "PCE", "un": "PCE",
    "unite": "PCE", "ea": "PCE", "each": "PCE", "unit": "PCE", "st": "PCE", "stk": "PCE", "stuck": "PCE",
    "pz": "PCE", "pza": "PCE", "stuks": "PCE", "ud": "PCE", "uds": "PCE", "unites": "PCE", "units": "PCE",
    "bte": "BOX", "boite": "BOX", "box": "BOX", "bx": "BOX",
    "pal": "PAL", "palette": "PAL", "pallet": "PAL",
}  # fmt: skip
"""Names of units that mean one thing only."""
