"""Merchants' servers: CloudEvents, signed as Standard Webhooks, to the endpoints that merchants have registered."""
