"""A pretend PayPal: Orders v2, Payments v2, the customer's page, and webhooks signed with a certificate of its own."""
