"""What a comparison of platforms says."""
