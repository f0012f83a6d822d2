"""The whole networks, a file each, and the cells that searched ones are stacked from."""
