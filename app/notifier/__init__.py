"""Telling those who are not connected: what is owed to whom, and bringing it to them."""
