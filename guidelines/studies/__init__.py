"""Research done once, with committed results; not a part of the wheel."""
