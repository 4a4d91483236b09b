"""A sandbox of Moov Africa's merchant API (Flooz), at /com.tlc.merchant.api/UssdPush.

SOAP 1.1 in and out: `Push`, which holds the connection until the payer has answered,
`PushWithPending`, `getTransactionStatus`, `transferFlooz`, `cashintrans`, `getBalance` and
`getMobileAccountStatus`. Envelopes may claim to be UTF-16 while they are UTF-8, as those of the
public client libraries do. Accounts and test numbers are in `tables`; everything there is ours,
because Moov publishes none.

What no public source tells is assumed as follows. A transaction is found by the merchant's id and
by Moov's. **An id used twice moves the money twice**: nothing is known to prevent it, and a client
has to be able to live with that. A push to a number with an open prompt replaces the prompt, as
Moov Togo's service of 2014 did.

The script's operations are `charge` (both pushes), `transfer` (both transfers), `look_up`,
`balance` and `wallet`; its outcomes are status codes. Whatever was waiting when the process died
goes on at the first request after a restart.
"""

from .service import create_app

__all__ = ["create_app"]
