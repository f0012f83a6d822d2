"""What is said of advice, and of the widths that it rounds to."""
