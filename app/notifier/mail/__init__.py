"""E-mail, by any SMTP server."""
