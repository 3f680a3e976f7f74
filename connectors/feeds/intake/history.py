"""What the ledger knows of the documents that a feed has brought before.

What belongs here: the questions that readers of EDI ask. What does not: what follows from the answers
(`connectors.feeds.edi.functions`).
"""

from __future__ import annotations

from connectors.ledger import Ledger


class FeedHistory:
    """What the ledger knows of the documents of one feed."""

    def __init__(self, ledger: Ledger, partner_code: str, feed_code: str) -> None:
        self._ledger = ledger
        self._feed_code = feed_code
        self._head = f"{partner_code}|{feed_code}|"

    def has_come(self, document: str, period_key: str) -> bool:
        return self._ledger.has_document(self._feed_code, document, self._head + period_key)

    def is_reported(self, period_key: str) -> bool:
        return self._ledger.has_slice(self._feed_code, self._head + period_key)

    def is_live(self, document: str) -> bool:
        return self._ledger.has_document(self._feed_code, document)
