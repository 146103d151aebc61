"""What clients see: views folded from the streams, kept in Redis and published as they change."""
