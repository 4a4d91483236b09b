"""Events: the ordered log of everything that changed, written with the change."""
