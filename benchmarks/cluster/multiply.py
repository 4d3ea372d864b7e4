"""Make a large study from a small one by copying rows, as adding trials one by one is slow."""

from __future__ import annotations

import sqlalchemy

_MOVED = "c.param_value + case when c.param_value = floor(c.param_value) then 0 else :nudge end"
_CHILDREN = {
    "trial_params": ("c.param_name", _MOVED, "c.distribution_json"),
    "trial_values": ("c.objective", "c.value + :nudge", "c.value_type"),
    "trial_intermediate_values": ("c.step", "c.intermediate_value", "c.intermediate_value_type"),
    "trial_user_attributes": ("c.key", "c.value_json"),
    "trial_system_attributes": ("c.key", "c.value_json"),
}
"""Optuna's tables of trial data, with their columns."""


def multiply(url: str, trials: int) -> None:
    """Copy the trials of a database's only study until it has a given number.

    Continuous parameters and values are changed slightly in each copy. Categories are stored as
    integers and unchanged.

    Args:
        url: the database's URL.
        trials: the number of trials wanted.
    """
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:

        def run(text: str, **values: float) -> None:
            connection.execute(sqlalchemy.text(text), values)

        counted = sqlalchemy.text("select count(*) from trials")
        while (have := int(connection.scalar(counted) or 0)) < trials:
            sizes = {"have": have, "take": min(have, trials - have)}
            run(
                "insert into trials"
                " (number, study_id, state, datetime_start, datetime_complete)"
                " select number + :have, study_id, state, datetime_start, datetime_complete"
                " from trials where number < :take order by number",
                **sizes,
            )
            for table, columns in _CHILDREN.items():
                sizes_here = sizes | (
                    {"nudge": 1e-6 * have} if ":nudge" in "".join(columns) else {}
                )
                names = ", ".join(each[2:].split()[0] for each in columns)
                run(
                    f"insert into {table} (trial_id, {names}) "  # noqa: S608 - our own names
                    f"select n.trial_id, {', '.join(columns)} from {table} c"
                    " join trials o on o.trial_id = c.trial_id"
                    " join trials n on n.number = o.number + :have where o.number < :take",
                    **sizes_here,
                )
    engine.dispose()
