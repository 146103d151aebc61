"""How many files this process and those it starts may have open: a socket is one."""

import resource


def raise_file_limit() -> int:
    """Raise it as far as the system lets us; how far that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
