"""The CBOR door: the same operations, one call or a thousand in one body."""
