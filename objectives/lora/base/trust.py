"""How far a base is trusted: whether loading it may run code that came with it."""

from __future__ import annotations

from dataclasses import dataclass

from objectives.lora.settings import BindingSettings

PICKLE_RULE = (
    "hold its weights as model.safetensors: a pickle, such as pytorch_model.bin, "
    "can run any code when it is read"
)
PICKLE_WAY_OUT = (
    "Save the model anew with save_pretrained of transformers, or give --allow-pickle if you "
    "trust its origin"
)


@dataclass(frozen=True)
class Trust:
    """What is allowed beyond reading numbers and names.

    Attributes:
        pickle: weights may be pickled, where there are no others.
        code: the base may bring Python modules of its own (``trust_remote_code``).
    """

    pickle: bool = False
    code: bool = False

    @classmethod
    def from_settings(cls, settings: BindingSettings) -> Trust:
        """What a study's settings allow."""
        return cls(pickle=settings.allow_pickle, code=settings.trust_remote_code)


NO_TRUST = Trust()
"""Read what is data, run nothing."""
