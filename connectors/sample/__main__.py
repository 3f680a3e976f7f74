"""`python -m connectors.sample --target DIR`: write the sample company."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from connectors.sample.generator import AS_OF, SEED, generate


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sample",
        description="Write the sample company: an ERP, partners' reports, a ledger export, an answer key.",
    )
    parser.add_argument(
        "--target", type=Path, required=True, help="folder to write to; its inbox and ledger are replaced"
    )
    parser.add_argument(
        "--url", help="fill the ERP's tables in this database (SQLAlchemy URL) instead of target/erp.sqlite"
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of chance (default {SEED})")
    parser.add_argument("--as-of", type=date.fromisoformat, default=AS_OF, help=f"last day (default {AS_OF})")
    parser.add_argument("--quiet", action="store_true", help="plant nothing, and write no answer key")
    chosen = parser.parse_args(arguments)
    sample = generate(
        chosen.target, seed=chosen.seed, as_of=chosen.as_of, url=chosen.url, is_quiet=chosen.quiet
    )
    sys.stdout.write(f"{sample.files} reports in {sample.inbox}\nERP in {chosen.url or sample.erp}\n")
    if not chosen.quiet:
        sys.stdout.write(f"answer key in {sample.answer_key}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
