"""The sandbox: a card provider for development, with its own process (`app.laptop.sandbox`)."""
