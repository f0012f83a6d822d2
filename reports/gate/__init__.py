"""What a gate says, to people and to continuous integration."""
