"""Studies in their database. Only a driver process writes; readers make nothing."""

from sweep.storage.address import Address, default_url, folder_beside, folder_name
from sweep.storage.exclusive import exclusive
from sweep.storage.files import one_file, write_ahead
from sweep.storage.guard import give_up, take
from sweep.storage.makers import is_ours, signed, told, trials_of
from sweep.storage.pins import known_pins, pinned, read_pins
from sweep.storage.studies import (
    baselines,
    best_trial,
    count_states,
    create_or_resume,
    find_study,
    load_study,
    open_known,
    open_study,
    quiet_optuna,
    read_identity,
    read_points,
    read_source,
    read_spec,
    write_source,
    write_spec,
)
from sweep.storage.words import StorageLostError, storage_errors

__all__ = [
    "Address",
    "StorageLostError",
    "baselines",
    "best_trial",
    "count_states",
    "create_or_resume",
    "default_url",
    "exclusive",
    "find_study",
    "folder_beside",
    "folder_name",
    "give_up",
    "is_ours",
    "known_pins",
    "load_study",
    "one_file",
    "open_known",
    "open_study",
    "pinned",
    "quiet_optuna",
    "read_identity",
    "read_pins",
    "read_points",
    "read_source",
    "read_spec",
    "signed",
    "storage_errors",
    "take",
    "told",
    "trials_of",
    "write_ahead",
    "write_source",
    "write_spec",
]
