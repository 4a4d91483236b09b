"""File links: addresses at which anybody can download a file, until they expire."""
