"""What one target outside is owed about one payment or order: events, states and commands, and pure functions."""
