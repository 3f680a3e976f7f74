"""Why a row is quarantined: stable codes, and what each says to a person.

A text names the fault and the remedy, to one of us or to the partner; `{column}` is the column's title in the
file and `{expected}` what the profile announces. Texts in further languages are further tables of the same
codes. What belongs here: words. What does not: the conditions (`connectors.feeds.normalise`), and faults of
whole files (`RejectedFile`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from string import Formatter
from typing import Final, Literal

Language = Literal["fr", "en"]

ENGLISH: Final = {
    "malformed_row": (
        "the row does not have the {expected} cells of the header, or its quotes are broken; "
        "ask the partner to quote cells that hold the delimiter"
    ),
    "error_cell": "{column!r} holds an error of Excel; ask the partner to correct the formula",
    "uncomputed_cell": (
        "{column!r} holds a formula whose result is not in the file; ask the partner to open the workbook in "
        "Excel, save it and send it again"
    ),
    "other_partner": (
        "{column!r} is the number of another partner than {expected}; put the file into that partner's "
        "folder, or correct the number in the ERP (the next run then reads the file again), or name it under "
        "signs_as in the profile"
    ),
    "total_row": (
        "{column!r} names a total, whose figures would count a second time; leave such rows out by skip_rows "
        "in the profile, or ask the partner to send the report without them"
    ),
    "missing_product": "the row names no product; fill in one of: {column}",
    "invalid_gtin": (
        "{column!r} holds no GTIN and no other column names the product; expected up to 14 digits"
    ),
    "missing_quantity": (
        "the row has no quantity; fill in one of: {column}; or in the profile leave out rows that are "
        "headings by skip_rows or section, or state empty_is_zero if empty means zero"
    ),
    "unparseable_number": (
        "{column!r} holds no number written as {expected}; correct the cell, or in the profile decimal_mark, "
        "thousands_mark or, for signs and words beside the number, number_affixes"
    ),
    "negative_quantity": (
        "{column!r} is negative; correct the cell, or state in the profile what a negative quantity means "
        "({expected})"
    ),
    "missing_date": "{column!r} is empty; fill in the date",
    "unparseable_date": (
        "{column!r} holds no date written as {expected}; correct the cell, or date_format in the profile"
    ),
    "missing_period": "{column!r} is empty; fill in the period",
    "unparseable_period": (
        "{column!r} holds no period written as {expected}; correct the cell, or 'period' in the profile"
    ),
    "future_period": (
        "{column!r} names a period that has not begun; correct the cell, or 'period' in the profile"
    ),
    "outside_period": (
        "{column!r} lies outside the period that the report covers ({expected}); "
        "correct the date, or send the row with the report of its own period"
    ),
    "ambiguous_quantity": (
        "the same quantity stands several times in the line, and the first is not the total of the others; "
        "state repeated_quantity: first or sum in the profile's container"
    ),
    "unknown_qualifier": (
        "no quantity of the line has a qualifier that the profile or the standard knows; name it under "
        "'quantities' or 'ignored_quantities' in the profile's container"
    ),
    "unnamed_period": (
        "no date that the profile reads names the period; the value lists the qualifiers of the dates that "
        "stand there: name the right one under 'period_dates' in the profile's container"
    ),
    "unnamed_product": (
        "the line names its product under qualifiers that are not read; name the right one under 'products' "
        "in the profile's container"
    ),
    "unknown_transfer": (
        "the transfer type (PTD) is none that the profile or the standard knows; name it under "
        "'transfer_types' in the profile's container"
    ),
    "segment_out_of_place": (
        "the segment stands outside of any message or before the segment it belongs to; ask the partner to "
        "send the message again"
    ),
    "missing_document": (
        "the message has no BGM, BPT or XQ segment at its head; ask the partner to send it again"
    ),
    "unknown_message": (
        "the message is of a type that the profile does not name; add it under 'messages' in the profile's "
        "container, or ask the partner to send it apart"
    ),
    "unknown_function": (
        "the message's function is none that the profile or the standard knows; say under 'functions' in the "
        "profile's container what it means"
    ),
    "movement_report": (
        "the stock report (BGM 78) lists movements, not stocks; ask the partner for a snapshot (BGM 35)"
    ),
    "truncated_message": (
        "the message has no trailer: the file was cut off or the message is damaged; ask the partner to "
        "send it again"
    ),
    "control_total": (
        "a count, reference or sum that the message states does not fit the message; ask the partner to send "
        "it again, or state control_totals: note in the profile's container"
    ),
    "test_interchange": (
        "the interchange is marked as a test; ask the partner to send it as production, or state "
        "test_interchanges: ignore in the profile's container"
    ),
    "total_differs": (
        "a quantity of the line is not the sum of its stores or parts; ask the partner to correct the line, "
        "or state control_totals: note in the profile's container"
    ),
    "unknown_currency": "{column!r} holds no currency code of ISO 4217 such as EUR; correct the cell",
    "unknown_unit": (
        "{column!r} holds a unit that 'units' in the profile does not name ({expected}); add it there"
    ),
}

ENGLISH_TO_PARTNERS: Final = {
    "malformed_row": (
        "the row does not have the {expected} cells of the header, or its quotes are broken; "
        "quote cells that hold the delimiter"
    ),
    "error_cell": "{column!r} holds an error of Excel; correct the formula",
    "uncomputed_cell": (
        "{column!r} holds a formula whose result is not in the file; open the workbook in Excel, save it and "
        "send it again"
    ),
    "other_partner": (
        "{column!r} is the number of another partner than {expected}; send the report under the right number"
    ),
    "total_row": (
        "{column!r} names a total, whose figures would count a second time; send the report without such rows"
    ),
    "missing_quantity": "the row has no quantity; fill in one of: {column}",
    "unparseable_number": "{column!r} holds no number written as {expected}; correct the cell",
    "negative_quantity": "{column!r} is negative; correct the cell, or agree with us on what it means",
    "unparseable_date": "{column!r} holds no date written as {expected}; correct the cell",
    "unparseable_period": "{column!r} holds no period written as {expected}; correct the cell",
    "future_period": "{column!r} names a period that has not begun; correct the cell",
    "ambiguous_quantity": (
        "the same quantity stands several times in the line, and the first is not the total of the others; "
        "agree with us on which one counts"
    ),
    "unknown_qualifier": (
        "no quantity of the line has a qualifier that we know; agree with us on what it means"
    ),
    "unnamed_period": "no date agreed with us names the period of the message; agree with us on that date",
    "unnamed_product": (
        "the line names its product under a qualifier that is not agreed with us; agree with us on it"
    ),
    "unknown_transfer": "the transfer type (PTD) is not known to us; agree with us on what it means",
    "segment_out_of_place": (
        "the segment stands outside of any message or before the segment it belongs to; "
        "send the message again"
    ),
    "missing_document": "the message has no BGM, BPT or XQ segment at its head; send it again",
    "unknown_message": (
        "the message is of a type that is not agreed with us; agree with us on it, or send it apart"
    ),
    "unknown_function": "the message's function is not known to us; agree with us on what it means",
    "movement_report": "the stock report (BGM 78) lists movements, not stocks; send a snapshot (BGM 35)",
    "truncated_message": (
        "the message has no trailer: the file was cut off or the message is damaged; send it again"
    ),
    "control_total": (
        "a count, reference or sum that the message states does not fit the message; send it again"
    ),
    "test_interchange": "the interchange is marked as a test; send it as production",
    "total_differs": "a quantity of the line is not the sum of its stores or parts; correct the line",
    "unknown_unit": "{column!r} holds a unit that is not agreed with us ({expected}); agree with us on it",
}
"""What `ENGLISH` asks of us, asked of the partner, which has no profile to mend. French texts are all so."""


FRENCH: Final = {
    "malformed_row": (
        "la ligne n'a pas les {expected} cellules de l'en-tête, ou ses guillemets sont incorrects ; "
        "mettre entre guillemets les cellules qui contiennent le séparateur"
    ),
    "error_cell": "« {column} » contient une erreur Excel ; corriger la formule",
    "uncomputed_cell": (
        "« {column} » contient une formule dont le résultat manque dans le fichier ; ouvrir le classeur dans "
        "Excel, l'enregistrer et le renvoyer"
    ),
    "other_partner": (
        "« {column} » est le numéro d'un autre partenaire que {expected} ; envoyer le rapport sous le bon "
        "numéro"
    ),
    "total_row": (
        "« {column} » désigne un total, dont les chiffres compteraient deux fois ; envoyer le rapport sans "
        "lignes de total"
    ),
    "missing_product": "la ligne ne désigne aucun article ; renseigner l'une des colonnes : {column}",
    "invalid_gtin": (
        "« {column} » ne contient pas de GTIN et aucune autre colonne ne désigne l'article ; "
        "14 chiffres au plus"
    ),
    "missing_quantity": "la ligne n'a pas de quantité ; renseigner l'une des colonnes : {column}",
    "unparseable_number": (
        "« {column} » ne contient pas de nombre écrit comme {expected} ; corriger la cellule"
    ),
    "negative_quantity": "« {column} » est négatif ; corriger la cellule ou convenir de son sens",
    "missing_date": "« {column} » est vide ; renseigner la date",
    "unparseable_date": "« {column} » ne contient pas de date écrite comme {expected} ; corriger la cellule",
    "missing_period": "« {column} » est vide ; renseigner la période",
    "unparseable_period": (
        "« {column} » ne contient pas de période écrite comme {expected} ; corriger la cellule"
    ),
    "future_period": "« {column} » désigne une période qui n'a pas commencé ; corriger la cellule",
    "outside_period": (
        "« {column} » est hors de la période du rapport ({expected}) ; "
        "corriger la date, ou envoyer la ligne avec le rapport de sa période"
    ),
    "unknown_currency": (
        "« {column} » ne contient pas de code de devise ISO 4217 comme EUR ; corriger la cellule"
    ),
    "unknown_unit": (
        "« {column} » contient une unité qui n'est pas convenue ({expected}) ; convenir de cette unité"
    ),
    "ambiguous_quantity": (
        "la même quantité figure plusieurs fois dans la ligne, et la première n'est pas le total "
        "des autres ; convenir de celle qui compte"
    ),
    "unknown_qualifier": "aucune quantité de la ligne n'a un qualifiant connu ; convenir de ce qualifiant",
    "unnamed_period": "aucune date convenue n'indique la période du message ; convenir de cette date",
    "unnamed_product": "l'article est désigné par un qualifiant qui n'est pas convenu ; en convenir",
    "unknown_transfer": "le type de transfert (PTD) n'est pas connu ; convenir de ce type",
    "segment_out_of_place": (
        "le segment est hors de tout message ou précède celui dont il dépend ; renvoyer le message"
    ),
    "missing_document": "le message n'a pas de segment BGM, BPT ou XQ en tête ; le renvoyer",
    "unknown_message": "le type du message n'est pas convenu ; en convenir, ou l'envoyer à part",
    "unknown_function": "la fonction du message n'est pas connue ; convenir de ce qu'elle signifie",
    "movement_report": (
        "le rapport de stock (BGM 78) donne des mouvements et non des stocks ; envoyer un état (BGM 35)"
    ),
    "truncated_message": "le message n'a pas de fin : fichier coupé ou message endommagé ; le renvoyer",
    "control_total": "un compte ou une référence de fin ne correspond pas au message ; le renvoyer",
    "total_differs": (
        "une quantité de la ligne n'est pas la somme de ses magasins ou de ses parties ; corriger la ligne"
    ),
    "test_interchange": "l'échange est marqué comme un test ; l'envoyer en production",
}

_FORMER: Final = {
    "missing_quantity": (
        "the row has no quantity; fill in one of: {column}; or state empty_is_zero in the profile if empty "
        "means zero"
    ),
    "unparseable_number": (
        "{column!r} holds no number written as {expected}; correct the cell, or the marks in the profile"
    ),
}
"""English texts of former versions, in which rows wait in quarantine."""

_TABLES: Final = {"en": ENGLISH, "fr": FRENCH}
_TO_PARTNERS: Final = {"en": ENGLISH_TO_PARTNERS, "fr": FRENCH}
_PERIODS: Final = {
    "day": "le jour",
    "week": "la semaine",
    "month": "le mois",
    "quarter": "le trimestre",
    "fiscal period": "la période de l'exercice",
    "fiscal quarter": "le trimestre de l'exercice",
}


def explain(code: str, column: str = "", expected: str = "", language: Language = "en") -> str:
    """The text of a reason, for one column of one feed; English where a language has no text of the code."""
    return _TABLES[language].get(code, ENGLISH[code]).format(column=column, expected=expected)


def in_language(code: str, text: str, language: Language) -> str:
    """A stored reason in another language."""
    return text if language == "en" else _retold(code, text, _TABLES[language], language)


def to_partner(code: str, text: str, language: Language) -> str:
    """A stored reason as it is said to the partner, who can mend its report and not our profile."""
    return _retold(code, text, _TO_PARTNERS[language], language)


def _retold(code: str, text: str, table: Mapping[str, str], language: Language) -> str:
    """A stored reason in other words: what its English text names is read back from it."""
    if code not in table:
        return text
    templates = (former[code] for former in (ENGLISH, _FORMER) if code in former)
    match = next(filter(None, (_pattern(template).fullmatch(text) for template in templates)), None)
    if match is None:
        return text
    named = match.groupdict(default="")
    column, expected = named.get("column", ""), named.get("expected", "")
    if column[:1] in ("'", '"') and "{column!r}" in ENGLISH[code]:
        column = ast.literal_eval(column)
    return table[code].format(
        column=column, expected=_expected_in_french(expected) if language == "fr" else expected
    )


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = []
    for literal, name, _, conversion in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name:
            parts.append(rf"(?P<{name}>'.*?'|\".*?\")" if conversion else rf"(?P<{name}>.*)")
    return re.compile("".join(parts), re.DOTALL)


def _expected_in_french(expected: str) -> str:
    span = re.fullmatch(r"(\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d)", expected)
    if span:
        first, last = (f"{date.fromisoformat(day):%d/%m/%Y}" for day in span.groups())
        return f"du {first} au {last}"
    named = re.fullmatch(rf"the ({'|'.join(_PERIODS)}) in '(.*)'", expected)
    if named:
        return f"{_PERIODS[named[1]]} de « {named[2]} »"
    return "elle ne doit pas l'être" if expected == "it must not be" else expected
