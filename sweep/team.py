"""Those who work together on one study in its driver process."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.callbacks import Callbacks
from sweep.interrupts import Interrupts
from sweep.keeper import Keeper
from sweep.launch import Pool
from sweep.ledger import Ledger
from sweep.watcher import Watcher


@dataclass(frozen=True)
class Team:
    """One driver's collaborators.

    Attributes:
        ledger: the study, claimed by this process.
        keeper: of its trials' files.
        launcher: computes.
        watcher: is told what happens.
        interrupts: asked between events whether to end.
        callbacks: told of each trial that is over.
    """

    ledger: Ledger
    keeper: Keeper
    launcher: Pool
    watcher: Watcher
    interrupts: Interrupts
    callbacks: Callbacks
