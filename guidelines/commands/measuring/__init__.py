"""What times something: a new run, or a trial of two sides."""
