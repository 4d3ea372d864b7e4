"""The frozen base model: where it is, what it holds, whether it can be trusted, loading it."""
