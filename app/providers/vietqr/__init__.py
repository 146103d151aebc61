"""VietQR: the customer scans and transfers; what has arrived in our account is told by bank feeds, or asked of them."""
