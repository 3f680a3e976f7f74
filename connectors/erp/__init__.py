"""Pulls from ERPs: `pull` runs them, `queries`, `reading` and `changes` are its three steps.

One folder per ERP says where its mapping queries come from: `sql` (the company's own), `tryton`.
"""
