"""Benchmarks: each states its question, waits until the work is really done, and names what limits it."""
