"""A pretend VNPay, version 2.1.0: its page, its notices (IPN), queries and refunds."""
