"""A sandbox of CinetPay's checkout that speaks CinetPay's protocol as its pages describe it.

`POST /v2/payment` makes a page, `POST /v2/payment/check` tells what became of it, and the page, at
/payment/{payment_token}, lets the payer choose a wallet of the site's country or type a card. Sites
and test numbers are in `tables`, with what is CinetPay's about them and what is ours.

Notifications are forms signed in `x-token`: one when the payer has to confirm on the phone, one at
the end. The address is tried with a GET when the payment is created; the answer is ignored.

What CinetPay's pages leave open is assumed as follows: refusals have HTTP status 400; a
transaction_id used before is refused with 620; an unknown one is answered 404 and "404"; a page
lives a quarter of an hour, and the payment is then 625.

The book calls a movement by the payment's `metadata`, or by its transaction_id if there is none: a
merchant that needs a second transaction_id for one order can so be caught taking the money twice.

The script's operations are `charge` (the creation, which decides what becomes of the payment unless
a rule for `pay` does), `pay` (what the payer sends from the page, by number) and `look_up`; its
outcomes are codes. What was waiting when the process died goes on at the first request after a
restart.
"""

from .service import create_app

__all__ = ["create_app"]
