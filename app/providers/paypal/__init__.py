"""PayPal: Orders v2 and Payments v2, with the customer sent to PayPal's page and signed webhooks."""
