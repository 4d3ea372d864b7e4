"""Files on disks and in object stores, with atomic writes."""
