"""Which chains are alike: clusters, families, and leakage between splits."""
