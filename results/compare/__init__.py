"""Several platforms side by side."""
