"""Who is calling, and what is kept secret for them."""
