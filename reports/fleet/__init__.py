"""How far a fleet is, in words."""
