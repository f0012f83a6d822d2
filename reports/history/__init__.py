"""What the history of a platform says."""
