"""Stripe: cards, held first and captured by a call of their own (https://docs.stripe.com/api)."""
