"""How many decimals an amount of a currency is written with (ISO 4217).

What belongs here: what a currency is by itself. What does not: its rates (`connectors.exchange`).
"""

from __future__ import annotations

from typing import Final

_WITHOUT: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_WITH_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_DECIMALS: Final = {**dict.fromkeys(_WITHOUT.split(), 0), **dict.fromkeys(_WITH_THREE.split(), 3)}


def decimals(currency: str) -> int:
    """Decimals of an amount: none of yen and CFA francs, three of Tunisian dinars, two of most others."""
    return _DECIMALS.get(currency, 2)
