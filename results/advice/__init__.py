"""What `guidelines advise` found: which guideline a network breaks, and what that costs here."""
