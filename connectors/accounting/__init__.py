"""Ledger exports (FEC). The reader has its place here; it comes with the margin work."""
