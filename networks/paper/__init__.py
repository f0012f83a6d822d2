"""What the paper draws or counts of networks, taken from the modules themselves."""
