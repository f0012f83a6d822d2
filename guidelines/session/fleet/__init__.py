"""What `guidelines fleet` does: one file names the devices, Dask's scheduler gives them work."""
