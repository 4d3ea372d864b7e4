"""Copy and export of studies."""
