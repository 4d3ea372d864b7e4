"""Where trials are computed. Launchers move packs out and events back; they store nothing."""

from sweep.launch.events import Broken, Died, Event, Finished, Launcher, Reported, Roomy, Settled
from sweep.launch.local import LocalLauncher
from sweep.launch.pool import Pool

__all__ = [
    "Broken",
    "Died",
    "Event",
    "Finished",
    "Launcher",
    "LocalLauncher",
    "Pool",
    "Reported",
    "Roomy",
    "Settled",
]
