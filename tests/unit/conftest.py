from hypothesis import HealthCheck, settings

# The machine that runs the tests may be busy: what is found must not depend on how fast it is.
settings.register_profile("unit", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
