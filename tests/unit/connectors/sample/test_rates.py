"""The sample's exchange rates: written as the bank writes them, on its days, the same whatever follows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from connectors.exchange import RateFile
from connectors.sample.generator import AS_OF, SEED
from connectors.sample.rates import Rates, build_rates, write


def test_rates_stand_on_the_banks_days_only_and_a_later_end_changes_none() -> None:
    rates = build_rates(SEED, AS_OF)
    assert set(rates.published) == {"USD", "GBP", "CHF"}
    days = rates.published["USD"]
    assert min(days) == date(2024, 7, 1)
    assert max(days) == AS_OF
    closed = (date(2025, 12, 25), date(2025, 4, 18), date(2025, 4, 21), date(2026, 5, 1), date(2026, 1, 3))
    assert not days.keys() & set(closed)
    assert date(2025, 7, 14) in days
    short = build_rates(SEED, date(2025, 1, 10)).published["USD"]
    assert short == {day: rate for day, rate in days.items() if day <= date(2025, 1, 10)}


def test_the_file_is_read_as_the_banks_own(tmp_path: Path) -> None:
    path = tmp_path / "eurofxref-hist.csv"
    friday, monday = date(2026, 1, 9), date(2026, 1, 12)
    write(path, Rates({"USD": {friday: 11642, monday: 11692}, "CHF": {friday: 9313, monday: 9320}}))
    assert path.read_text() == (
        "Date,USD,CHF,RUB,\n2026-01-12,1.1692,0.9320,N/A,\n2026-01-09,1.1642,0.9313,N/A,\n"
    )
    assert RateFile(path).read().to_pylist()[:2] == [
        {"currency_code": "CHF", "rate_date": "2026-01-12", "currency_per_euro": "0.9320"},
        {"currency_code": "USD", "rate_date": "2026-01-12", "currency_per_euro": "1.1692"},
    ]


def test_an_amount_is_worth_its_quotient_rounded_to_four_decimals() -> None:
    """100 USD at 1.1642 are 85.8959, on the Sunday after that Friday too: 100 / 1.1642 = 85.89589…"""
    rates = Rates({"USD": {date(2026, 1, 9): 11642}})
    assert rates.in_euros(10_000, "USD", date(2026, 1, 9)) == 858_959
    assert rates.in_euros(-10_000, "USD", date(2026, 1, 11)) == -858_959
    # 5.12 USD at 1.28 are 4 EUR, 0.01 USD at 1.6 are 0.00625: half away from zero.
    assert Rates({"USD": {date(2026, 1, 9): 12800}}).in_euros(512, "USD", date(2026, 1, 9)) == 40_000
    assert Rates({"USD": {date(2026, 1, 9): 16000}}).in_euros(1, "USD", date(2026, 1, 9)) == 63
