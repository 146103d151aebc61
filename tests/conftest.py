"""What holds for every test."""

import os
import sys

from hypothesis import HealthCheck, settings

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("paygate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("paygate")

# The tests start processes by the hundred, and where bytecode is not kept each of them compiles all its modules anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
