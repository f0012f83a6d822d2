"""qemu-user, and counters of what it executes: an aarch64 core, and this machine's own kernels.

Emulated time means nothing, so none is taken: executed instructions are counted instead, and misses
of an ARM core's modelled caches (counter.c). They say how much work a network is, not how fast it
is.
"""
