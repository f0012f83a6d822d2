"""Times modelled from counts: coefficients, their fit, and how far they are off."""
