"""Fetching partners' reports from where they leave them, into the inbox."""
