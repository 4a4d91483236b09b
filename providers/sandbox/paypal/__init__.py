"""A small PayPal: Orders v2, Payments v2 and webhooks over HTTP as PayPal speaks.

Protocol: https://developer.paypal.com/docs/api/orders/v2, .../payments/v2, .../webhooks/v1. Any
client id is an app with an account of its own; its secret is `access.secret_of(client_id)`.

The payer's page, below `<public_url>/paypal/checkoutnow`, has a button for each way a payer can end
it (`tables.CHOICES`). What then becomes of the money is decided, first come first served, by the
header `PayPal-Mock-Response: {"mock_application_codes": "INSTRUMENT_DECLINED"}` of the completing
call (PayPal's own negative testing), by the script, by the payer's button, and by the amount
(`tables.AMOUNTS`: ours, PayPal has none for wallets).

The script's operations are `charge` (a new order), `complete` (the capture or authorization of an
approved order), `capture`, `cancel` (of an authorization), `refund`; their questions `look_up` and
`look_up_refund`; `token`, `other`. Its outcomes are those of `tables`: an outcome given to a
`charge` is what its completion will end with. With a delay, money is PENDING for so long.

PayPal has its webhooks registered once per app, and so has this one (POST
/v1/notifications/webhooks). They are signed with RSA by a certificate that is made when the sandbox
starts and served at the address in `PAYPAL-CERT-URL`.
"""

from .app import create_app

__all__ = ["create_app"]
