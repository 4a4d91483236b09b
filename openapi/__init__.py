"""The REST door: Stripe's paths, forms and JSON, built from the table of operations."""
