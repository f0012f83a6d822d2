"""What makes this machine's figures unreliable, and what to do about it."""
