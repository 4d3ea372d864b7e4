"""The verdict on a claim: confirmed, refuted or inconclusive, and why."""
