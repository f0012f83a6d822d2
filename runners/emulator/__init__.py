"""An aarch64 core emulated by qemu-user, and a counter of what it executes.

Emulated time means nothing, so none is taken: executed instructions are counted instead, and misses
of modelled caches (counter.c). They say how much work a network is for an ARM core, not how fast it
is on one.
"""
