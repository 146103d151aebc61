"""Customers: who of them is to be told of a payment or order, and in which words."""
