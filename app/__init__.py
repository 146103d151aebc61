"""paygate: a real-time payment status gateway."""
