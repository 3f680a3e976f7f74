"""Pages in the browser for whoever reads the published figures without a BI tool.

What belongs here: which published columns stand on a page, and how they are drawn. What does not: formulas. A
page sums what a mart calls additive and divides such sums; everything else is the marts' own.
"""
