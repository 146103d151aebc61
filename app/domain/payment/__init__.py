"""One payment: its events, states and commands, and the pure functions between them."""
