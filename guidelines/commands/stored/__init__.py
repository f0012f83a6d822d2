"""What reads stored runs, and measures nothing."""
