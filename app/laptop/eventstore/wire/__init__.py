"""The protocol: requests to operations, and what comes of them to responses, statuses and trailers."""
