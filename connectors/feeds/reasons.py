"""Why a row is quarantined: stable codes, and what each says to a person.

A text names the fault and the remedy; `{column}` is the column's title in the file and `{expected}` what the
profile announces. Texts in further languages are further tables of the same codes. What belongs here: words.
What does not: the conditions (`connectors.feeds.normalise`), and faults of whole files (`RejectedFile`).
"""

from __future__ import annotations

from typing import Final

ENGLISH: Final = {
    "malformed_row": (
        "the row does not have the {expected} cells of the header, or its quotes are broken; "
        "ask the partner to quote cells that hold the delimiter"
    ),
    "error_cell": "{column!r} holds an error of Excel; ask the partner to correct the formula",
    "missing_product": "the row names no product; fill in one of: {column}",
    "invalid_gtin": (
        "{column!r} holds no GTIN and no other column names the product; expected up to 14 digits"
    ),
    "missing_quantity": (
        "the row has no quantity; fill in one of: {column}; or state empty_is_zero in the profile if empty "
        "means zero"
    ),
    "unparseable_number": (
        "{column!r} holds no number written as {expected}; correct the cell, or the marks in the profile"
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
    "outside_period": (
        "{column!r} lies outside the period that the report covers ({expected}); "
        "correct the date, or send the row with the report of its own period"
    ),
    "unknown_currency": "{column!r} holds no currency code of ISO 4217 such as EUR; correct the cell",
    "unknown_unit": (
        "{column!r} holds a unit that 'units' in the profile does not name ({expected}); add it there"
    ),
}


def explain(code: str, column: str = "", expected: str = "") -> str:
    """The English text of a reason, for one column of one feed."""
    return ENGLISH[code].format(column=column, expected=expected)
