"""Torch modules and nothing else: the synthetic blocks, whole networks, and what a module costs."""
