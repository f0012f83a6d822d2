"""A fleet on disk: which records are wanted of which devices, and how far each of them is."""
