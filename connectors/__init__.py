"""Bytes in, canonical columns out, with provenance.

What belongs here: reading ERPs, partner reports and ledgers, and landing them as immutable Parquet.
What does not: business rules on figures (dbt_project/), scheduling (orchestration/), quality rules
on whole tables (expectations/). Nothing here may import dagster, dbt or Great Expectations.
"""
