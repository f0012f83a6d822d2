"""Where a network departs from the guidelines, and what could stand there: graphs of its parts."""
