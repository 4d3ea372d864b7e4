"""Trust in a base model: whether loading it may run code that comes with it."""

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
    """Permissions for formats that can run code when a base is loaded.

    Attributes:
        pickle: pickled weights may be read if there are no safetensors.
        code: the base may have Python modules of its own (``trust_remote_code``).
    """

    pickle: bool = False
    code: bool = False

    @classmethod
    def from_settings(cls, settings: BindingSettings) -> Trust:
        """The permissions given in a study's settings."""
        return cls(pickle=settings.allow_pickle, code=settings.trust_remote_code)


NO_TRUST = Trust()
"""No permissions: safetensors only, no custom code."""
