"""Labelled protein chains: read from files or the Hub, split, tokenised and cached."""
