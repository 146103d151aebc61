"""A merchant's webhook endpoints: events, states and commands, and the pure functions between them."""
