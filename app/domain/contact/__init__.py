"""Whom to tell of one payment or order: events, state and commands, and the pure functions between them."""
