"""What a laptop needs in place of the production servers; speaks their protocols, knows nothing of payments."""
