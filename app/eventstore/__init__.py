"""The event store behind a small port: read, append, follow, consume."""
