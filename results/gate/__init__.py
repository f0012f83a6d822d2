"""Whether anything got slower: trials, their procedure, and checks against a stored run."""
