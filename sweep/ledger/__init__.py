"""What a study has and owes: the driver's ask and tell over the database."""

from sweep.ledger.ledger import Ledger
from sweep.ledger.owed import Owed, failure_of, owed_retries, values_of

__all__ = ["Ledger", "Owed", "failure_of", "owed_retries", "values_of"]
