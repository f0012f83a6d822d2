"""What measures the suite itself, or repeats its research."""
