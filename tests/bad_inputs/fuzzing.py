"""Settings and strategies shared by the fuzz tests, and a check of error messages."""

from __future__ import annotations

import os
import re

from examples import examples
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sweep.errors import SweepError

EXAMPLES = int(os.environ.get("LORASWEEP_FUZZ_EXAMPLES", examples(200)))

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)

WILD = st.text(st.one_of(st.characters(), st.sampled_from("ab01 :/@?=&+%#.,*'\"\\<>[]{}\n\0é")))
NUMBERS = st.one_of(st.integers(), st.floats(), st.integers(300, 400).map(lambda n: 10**n))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WILD),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


def check_message(error: SweepError, *, without: str = "a traceback") -> None:
    """Each fault reads "... must ..., got ...", and the message does not contain ``without``."""
    assert str(error)
    assert without not in str(error)
    for text in getattr(error, "faults", (str(error),)):
        assert re.search(r" must .+, got .+\.", text, re.DOTALL), text
