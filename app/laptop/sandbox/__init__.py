"""A pretend card provider over real HTTP: magic tokens decide what happens, a durable ledger remembers what did."""
