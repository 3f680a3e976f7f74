"""Taking in partners' reports: the way of a file through the house, and decisions on whole files.

`run` takes in whatever is new, partner by partner; `files` is the way of one feed's files; `check` does the
same work without writing. `inbox` and `matcher` find files and their feeds, `reading` reads and judges,
`landing` writes, `outcomes` says what became of each.
"""
