"""What a study has and owes: the driver's ask and tell over the database."""

from sweep.ledger.ledger import Ledger
from sweep.ledger.owed import Owed, owed_retries
from sweep.ledger.tags import failure_of, values_of
from sweep.ledger.tally import tally

__all__ = [
    "Ledger",
    "Owed",
    "failure_of",
    "owed_retries",
    "tally",
    "values_of",
]
