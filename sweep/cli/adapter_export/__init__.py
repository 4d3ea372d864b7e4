"""Export of trained adapters: files, a model card, and code to load them."""
