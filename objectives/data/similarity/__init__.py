"""Similar chains: clusters, protein families, and leakage between splits."""
