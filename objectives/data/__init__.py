"""Labelled protein chains: from files and hubs to tokenised, split, cached windows."""
