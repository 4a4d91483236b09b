"""Measurements: what CPay costs and what it survives. `make bench`, `make chaos`."""
