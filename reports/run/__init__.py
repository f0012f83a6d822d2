"""What the report of one run says."""
