"""How many trials a second one driver keeps going: a queue with one server and many customers.

A lane computes for ``seconds``, in parts, and after each part waits for the driver, which serves
one message at a time: E reports and one end per trial, ``cost`` CPU seconds of it in all. Mean
value analysis (Reiser and Lavenberg 1980, doi:10.1145/322186.322195) gives the rate; it assumes
service times that vary like exponential ones, so a real driver, which is steadier, waits less.
"""

from __future__ import annotations


def rate(lanes: int, seconds: float, cost: float) -> float:
    """Trials a second.

    Args:
        lanes: trials under way together.
        seconds: that a trial computes.
        cost: that the driver spends on it.
    """
    queue = found = 0.0
    for count in range(1, lanes + 1):
        response = cost * (1 + queue)
        found = count / (seconds + response)
        queue = found * response
    return found


def bound(lanes: int, seconds: float, cost: float) -> float:
    """The rate if nobody ever waited, or the driver's own: the lower of both."""
    return min(lanes / (seconds + cost), 1 / cost)
