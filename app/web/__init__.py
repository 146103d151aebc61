"""What the gateway serves over HTTP and WebSocket."""
