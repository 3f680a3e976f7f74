"""Identity: what a partner's product is, where no exact identifier says so.

`similarity` scores our products against a partner's description, `decisions` keeps what people decided, and
`review` carries proposals to people and back. A proposal is never used: only an accepted decision is, and
that by SQL (`stg_rules__product_translations`). What does not belong here: exact identifiers (SQL resolves
them) and reading the warehouse (`orchestration.matching`).
"""
