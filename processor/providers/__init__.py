"""Providers: what each kind and account of theirs can do, and how they are."""
