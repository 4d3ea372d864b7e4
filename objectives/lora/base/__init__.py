"""The frozen base model: locating, validating, fingerprinting and loading it."""
