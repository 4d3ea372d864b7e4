"""Notes on unusual labels and splits that are no errors."""

from __future__ import annotations

from objectives.data.splits import Splits

_OFTEN = 0.5
"""Share of binding residues above which labels may be inverted; usual is a few per cent."""

_FAR = 2.0
"""Factor by which the validation share may differ from the one asked for without a note."""


def label_notes(splits: Splits) -> list[str]:
    """A note if most residues of a split are labelled as binding."""
    shares = {}
    for name, chains in splits.given().items():
        positives = sum(chain.labels.count(1) for chain in chains)
        known = positives + sum(chain.labels.count(0) for chain in chains)
        if positives > _OFTEN * known:
            shares[name] = f"{positives / known:.0%} in {name}"
    if not shares:
        return []
    told = ", ".join(shares.values())
    return [f"most residues with a known label bind ({told}): check that labels are not inverted"]


def carving_notes(carved: Splits | None, fraction: float) -> list[str]:
    """Notes on a validation split far from the size asked for, or a training split of one chain.

    Args:
        carved: the splits before subsampling; None if the source gives a validation split.
        fraction: share of the residues asked for.
    """
    if carved is None:
        return []
    train, validation = (
        sum(len(chain.sequence) for chain in chains)
        for chains in (carved.train, carved.validation or [])
    )
    share = validation / (train + validation)
    notes = []
    if not fraction / _FAR <= share <= fraction * _FAR:
        notes.append(
            f"validation holds {share:.1%} of the residues, not {fraction:.0%}: clusters of "
            "similar sequences stay whole, and these are few or of very unlike sizes"
        )
    if len(carved.train) == 1:
        notes.append("train holds one chain: all others are in validation")
    return notes
