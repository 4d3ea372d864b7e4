"""A queueing model of the driver's throughput: one server and many customers.

A lane computes for ``seconds`` in total, in parts, and after each part waits for the driver, which
handles one message at a time: the reports and the end of each trial, for ``cost`` CPU seconds in
total. Mean value analysis (Reiser and Lavenberg 1980, doi:10.1145/322186.322195) gives the rate. It
assumes exponentially distributed service times; the driver's vary less, so lanes wait less.
"""

from __future__ import annotations


def rate(lanes: int, seconds: float, cost: float) -> float:
    """The predicted rate in trials per second.

    Args:
        lanes: number of trials that run at the same time.
        seconds: computing time of a trial.
        cost: CPU seconds that the driver spends on a trial.
    """
    queue = found = 0.0
    for count in range(1, lanes + 1):
        response = cost * (1 + queue)
        found = count / (seconds + response)
        queue = found * response
    return found


def bound(lanes: int, seconds: float, cost: float) -> float:
    """The upper bound of the rate: without waiting, or with the driver always busy."""
    return min(lanes / (seconds + cost), 1 / cost)
