"""Speed and memory of Aval as ratios against two hand-written scripts that do the same work.

`history` makes the input, `floor` and `with_pandas` are the rivals, `measure` runs and weighs a command,
`compare` checks that all three wrote the same figures, and `__main__` puts them together and writes
docs/benchmarks.md.
"""
