"""The composition root: one context manager per process, closing in reverse. Adapters are made here alone."""
