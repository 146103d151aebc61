"""A pretend Vietnamese bank: its app, the account of a merchant, and the feeds that tell what arrives in it.

Money that is transferred is a `capture` in the ledger. The bank knows no payment ids: the ledger's `reference` is the
transfer code in the text, or the text itself where there is none.
"""
