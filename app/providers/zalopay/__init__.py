"""ZaloPay: the customer is sent to ZaloPay's page or app; signed calls and a signed callback (API v2)."""
