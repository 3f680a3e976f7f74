"""The general ledger: its exports (`fec`) and how they are landed (`exports`)."""
