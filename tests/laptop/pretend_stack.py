"""`paygate dev`, with a real Valkey and stand-ins for the processes of paygate."""

import asyncio
import sys
from pathlib import Path

from app.laptop.stack import run_stack
from app.settings import load_settings

PRETEND = (sys.executable, str(Path(__file__).with_name("pretend_paygate.py")))

if __name__ == "__main__":
    sys.exit(asyncio.run(run_stack(load_settings(), paygate=PRETEND)))
