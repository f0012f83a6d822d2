"""Two sides compared: trials of fresh processes, and what is said of them."""
