"""Does what we say agree with what providers say and clients see? Every difference, with what would mend it."""
