"""How results reach a client. The protocols are pure, of bytes and time; what does the I/O stands beside them."""
