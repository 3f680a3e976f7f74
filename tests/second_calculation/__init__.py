"""The margin of the sample company worked out a second time, from what it was made of: the tables of the raw
ERP, the partners' files and the company's rules.

Nothing here reads a model, a landed table or a published figure, and nothing of Aval is imported: pandas,
whole cents and the sentences of docs/margin.md, docs/rebates.md and docs/programme-costs.md. `books` reads,
`discounts`, `rebates` and `costs` work out the steps, `allocation` lays them on invoice lines, `waterfall`
adds them up, `resales` reads what partners reported. It knows the kinds of rules that the sample company has,
and refuses others.
"""
