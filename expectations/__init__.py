"""What the borders promise, in the domain's words, checked by Great Expectations inside DuckDB.

Call `expectations.validate.validate`. Nothing here knows of dagster, dbt or the connectors: a gate
sees landing as Parquet, the warehouse as a DuckDB file, and gives a verdict. Importing this package
is light; Great Expectations is loaded when a gate runs.
"""
