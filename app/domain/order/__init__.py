"""One order: its events, states and commands, and the pure functions between them."""
