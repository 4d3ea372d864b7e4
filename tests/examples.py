"""Number of Hypothesis examples of a property test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

SHARE = 5

# A slow example on a busy machine is not a failure.
settings.register_profile(
    "quick", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=20
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=100)


def examples(number: int) -> int:
    """This many in a thorough run (``--hypothesis-profile=thorough``), else a fifth of them."""
    thorough = settings.get_current_profile_name() == "thorough"
    return number if thorough else max(number // SHARE, 3)
