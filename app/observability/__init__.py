"""Logs, metrics, and the keeping of secrets out of both."""
