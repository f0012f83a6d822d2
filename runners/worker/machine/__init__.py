"""What a worker says of its machine, and the cores that it is kept on."""
