"""Thousands of mixed payments and orders through every provider while things go wrong; then the books are compared."""
