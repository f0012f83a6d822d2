"""Networks made into the files that backends read."""
