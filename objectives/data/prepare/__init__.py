"""From chains to the tables of tokens that training reads, and their cache."""
