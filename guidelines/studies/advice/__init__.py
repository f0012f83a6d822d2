"""How right advice is: networks with planted faults, timed with and without each of them."""
