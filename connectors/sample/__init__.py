"""The sample company: a seeded generator of an ERP, partners' reports, a ledger export and an answer key.

`generate(target)` writes it; `docs/sample-company.md` introduces it. Nothing outside tests,
demonstrations and benchmarks may import this package, and no model may read the answer key.
"""

from connectors.sample.generator import AS_OF, SEED, Sample, generate

__all__ = ["AS_OF", "SEED", "Sample", "generate"]
