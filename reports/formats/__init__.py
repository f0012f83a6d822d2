"""How a document is set: a file for each format."""
