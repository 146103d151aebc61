"""What providers send by themselves: verified, taken in, answered in their own form. No web framework here."""
