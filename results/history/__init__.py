"""How cells have gone over many runs."""
