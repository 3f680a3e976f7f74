"""From cells to canonical columns, in SQL: the one path that the tables of all readers take.

`layout` binds a profile to titles; `numbers`, `dates` and `codes` read cells; `typed` puts them together;
`faults`, `evidence` and `tables` say what is wrong; `judging` is the way in, `canonical` the way out. A row
with any fault is not landed at all. What belongs here: the meaning of cells. What does not: files, the
ledger, decisions on whole files (`connectors.feeds.intake`).
"""
