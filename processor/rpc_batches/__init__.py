"""RPC batches: how far a long row of calls has come, under the name that its client gave it."""
