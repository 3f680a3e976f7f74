"""Identity: what a partner's product or store is, and who a file is from, where no exact identifier says so.

`similarity` scores our products against a partner's description, `places` our stores and partners against a
name and an address; `decisions` keeps what people decided. A proposal is never used: only an accepted
decision is, and that by SQL (`stg_rules__product_translations`, `dim_stores`). What does not belong here:
exact identifiers (SQL resolves them) and reading the warehouse (`orchestration.matching`).
"""
