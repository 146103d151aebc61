"""The file: one SQLite database, one thread that writes, a few that read."""
