"""MoMo: the customer is sent to MoMo's page or app; signed calls and a signed IPN (API v2)."""
