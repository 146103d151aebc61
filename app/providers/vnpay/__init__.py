"""VNPay, version 2.1.0: the customer is sent to its page by an address we sign, and it calls back (IPN)."""
