"""Whether the suite measures rightly on this machine's NVIDIA GPU."""
