"""Commands on data before a sweep: fetch, describe, convert."""
