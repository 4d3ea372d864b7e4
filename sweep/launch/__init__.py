"""Where trials are computed. Launchers move packs out and events back; they store nothing."""

from sweep.launch.events import Broken, Event, Finished, Launcher, Reported
from sweep.launch.local import LocalLauncher

__all__ = ["Broken", "Event", "Finished", "Launcher", "LocalLauncher", "Reported"]
