"""How often the gate errs, measured with known extra work."""
