"""Export of trained adapters: files, a model card, and how to load them."""
