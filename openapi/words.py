"""What the reference says about words that types cannot explain.

A word means the same wherever it stands, so each is explained once. `Object.word` or
`operation.word` is for the few that mean something of their own in one place.
"""

from typing import Any

TITLE = "CPay API"

INTRODUCTION = """\
Take mobile money and card payments in Africa with an API shaped like Stripe's. The official Stripe
SDKs work unmodified: give them a CPay key and this installation's address. Requests are forms with
bracketed names (`metadata[order]=7`) or JSON; answers are JSON. Amounts are integers in the
currency's minor unit: 500 is 500 XAF, or 5.00 EUR."""

RESOURCES: dict[str, str] = {
    "balance": "What the account has: ready to be paid out, and on its way.",
    "balance_transactions": "Every movement of the account's money, with its fee.",
    "charges": "A charge is one attempt to take the money of a payment intent.",
    "customers": "Your payers, to whom payment methods and payments belong.",
    "events": "Every change, in order. What webhooks deliver can be read again here.",
    "payment_intents": "A payment from the first idea to the money: create one, confirm it with a"
    " card or a mobile money wallet, and follow its status.",
    "payment_methods": "Cards and mobile money wallets, kept for later or used once.",
    "webhook_endpoints": "URLs of yours that hear of events as they happen.",
}

MEANINGS: dict[str, str] = {
    "address": "Postal address.",
    "allow_redisplay": "Whether the payer may be shown this payment method again.",
    "allow_redirects": "Whether payment methods that send the payer to another page are allowed.",
    "allowed_payment_method_types": "Types of payment method that may pay this; by default all that"
    " take the currency.",
    "amount": "In the currency's minor unit: 500 is 500 XAF, or 5.00 EUR.",
    "amount_capturable": "Held and not yet taken, in the currency's minor unit.",
    "amount_captured": "Taken so far, in the currency's minor unit.",
    "amount_received": "Received from the payer, in the currency's minor unit.",
    "amount_refunded": "Given back so far, in the currency's minor unit.",
    "amount_to_capture": "How much of the held amount to take; the rest is released. By default all"
    " of it.",
    "api_version": "Version of the shape in which events are sent.",
    "automatic_payment_methods": "Let the account's settings choose the payment method types.",
    "available": "Ready to be paid out, by currency.",
    "available_on": "From when it can be paid out, in unix seconds.",
    "BalanceTransaction.amount": "Before the fee, in the currency's minor unit; negative for money"
    " that leaves.",
    "balance_transaction": "ID of the movement in the account's balance, once it is paid.",
    "balance": "What the customer owes (positive) or is owed (negative) on the next invoice.",
    "billing_details": "Who pays: name, e-mail address, phone and address.",
    "business_name": "The customer's name, if it is a business.",
    "canceled_at": "When it was canceled, in unix seconds.",
    "cancellation_reason": "Why it was canceled.",
    "capture_method": "`manual` holds the amount of a card until you capture it. Mobile money is"
    " always taken at once.",
    "captured": "Whether the money was taken, not only held.",
    "card": "The card, for the type `card`.",
    "charge": "ID of the charge.",
    "client_secret": "Lets a payer's browser or app work on this one payment with a publishable"
    " key.",
    "confirm": "Make the first attempt at once.",
    "confirmation_method": "Whether a payer's browser may confirm (`automatic`) or only your server"
    " (`manual`).",
    "country": "Two letters, ISO 3166-1.",
    "created": "When it was made, in unix seconds.",
    "currency": "Three letters, ISO 4217: `xaf`, `xof`, `mad`, `eur` or `usd`.",
    "custom_fields": "Lines that the customer's invoices carry.",
    "customer": "ID of the customer.",
    "data": "The objects of this page.",
    "decline_code": "The issuer's or the network's reason.",
    "default_payment_method": "ID of the payment method that is charged unless another is named.",
    "deleted": "Always true: the object is gone.",
    "delivery_success": "Only events that every endpoint has heard (true), or that one has yet to"
    " hear (false).",
    "description": "A note of yours.",
    "disabled": "Switch the endpoint off or on.",
    "email": "E-mail address.",
    "enabled_events": "Types of events to send, or `*` for all.",
    "ending_before": "ID of an object: the page just before it is returned.",
    "error_on_requires_action": "Refuse the attempt if the payer would have to do something.",
    "excluded_payment_method_types": "Types of payment method that may not pay this.",
    "expand": "Paths of IDs in the answer to replace by the objects they name.",
    "expires_at": "When it ends, in unix seconds.",
    "failure_code": "Why the attempt failed, as a code.",
    "failure_message": "Why the attempt failed, as a sentence for the payer.",
    "final_capture": "Release what is not captured.",
    "fee": "In the currency's minor unit.",
    "fee_details": "What the fee is made of.",
    "fingerprint": "Equal for equal cards or wallets.",
    "footer": "Text at the end of the customer's invoices.",
    "fraud_details": "Your own judgement of the charge.",
    "gt": "Later than this.",
    "gte": "At this time or later.",
    "has_more": "Whether there is a next page.",
    "id": "ID of the object.",
    "idempotency_key": "The `Idempotency-Key` of the request.",
    "individual_name": "The customer's name, if it is a person.",
    "intent": "ID of the payment intent.",
    "invoice_prefix": "Beginning of the customer's invoice numbers.",
    "invoice_settings": "What the customer's invoices use unless they say otherwise.",
    "last4": "Last four digits.",
    "last_payment_error": "Why the last attempt failed.",
    "latest_charge": "ID of the last attempt's charge.",
    "limit": "How many objects a page holds at most.",
    "livemode": "True for real money, false in test mode.",
    "lt": "Earlier than this.",
    "lte": "At this time or earlier.",
    "message": "A sentence for the reader.",
    "metadata": "Up to 50 pairs of your own: names of up to 40 characters, values of up to 500.",
    "mobile_money": "The wallet, for the type `mobile_money`.",
    "name": "Full name.",
    "net": "The amount less the fee.",
    "network": "`mtn`, `orange`, `moov` or `tmoney`; found from the number if not given.",
    "CardOptions.network": "The card's network.",
    "CardDetails.network": "The card's network.",
    "network_decline_code": "The provider's own word for the refusal.",
    "next_action": "What the payer must do.",
    "next_invoice_sequence": "Number of the customer's next invoice.",
    "next_page": "Give this as `page` for the next page.",
    "object": "Kind of the object.",
    "object_sequence": "Grows with each change of the object: a consumer can drop what is older"
    " than what it has.",
    "off_session": "The payer is not there to confirm anything.",
    "outcome": "How the attempt ended, in the issuer's or the network's eyes.",
    "page": "`next_page` of the page before.",
    "paid": "Whether the attempt succeeded.",
    "param": "The parameter that is wrong.",
    "payment_intent": "ID of the payment intent.",
    "payment_method": "ID of the payment method. In test mode also an alias, like `pm_card_visa`.",
    "payment_method_data": "The means of payment itself, instead of the ID of a payment method.",
    "payment_method_details": "What was charged, as it was then.",
    "payment_method_options": "Options by payment method type.",
    "payment_method_types": "Types of payment method that may pay this.",
    "payout": "ID of the payout.",
    "pending": "Taken, and not ready to be paid out yet, by currency.",
    "pending_webhooks": "How many endpoints have yet to hear of it.",
    "phone": "Phone number, best in international form: +237670000000.",
    "phone_last4": "Last four digits of the payer's number.",
    "preferred_locales": "The customer's languages, best first.",
    "previous_attributes": "What the changed members were before.",
    "query": "Like `email:'awa@example.com' AND metadata['order']:'7'`.",
    "receipt_email": "Where the payer's receipt goes.",
    "receipt_url": "The payer's receipt, as a PDF.",
    "redirect_to_url": "A page that the payer must visit.",
    "refunded": "Whether all of it was given back.",
    "reporting_category": "The type, grouped for reports.",
    "request": "The API call that caused it.",
    "request_three_d_secure": "When to ask for 3-D Secure.",
    "return_url": "Where the payer comes back to from another page.",
    "secret": "Signs what is sent to the endpoint. Shown once, when the endpoint is made.",
    "setup_future_usage": "Whether the payment method is to be used again, with the payer there or"
    " not.",
    "shipping": "Where goods go, and to whom.",
    "source": "ID of what moved the money.",
    "starting_after": "ID of an object: the page just after it is returned.",
    "statement_descriptor": "What the payer's statement says.",
    "statement_descriptor_suffix": "End of what the payer's statement says.",
    "status": "Where it stands.",
    "tax_exempt": "Whether the customer pays taxes.",
    "tax_id": "Tax number.",
    "token": "Stands for a card, like `tok_visa`. Card numbers are never accepted.",
    "transaction_id": "The network's own number for the transaction.",
    "transfer_group": "Joins charges that belong together.",
    "type": "Which kind it is.",
    "types": "Types of events.",
    "url": "Address.",
    "use_stripe_sdk": "Accepted for the SDKs' sake; it changes nothing.",
    "user_report": "Whether you take the charge for fraud.",
    "ussd_code": "What the payer can dial if no prompt appears.",
    "webhook_endpoint": "ID of the webhook endpoint.",
    "events.list.type": "A type of events; `payment_intent.*` is a family.",
    "payment_methods.list.type": "Only payment methods of this type.",
    "customers.list_payment_methods.type": "Only payment methods of this type.",
    "customers.list.email": "Only customers with exactly this e-mail address.",
}

# Parameters of the example that the reference shows. Others get what they require.
EXAMPLES: dict[str, dict[str, Any]] = {
    "customers.create": {"name": "Awa Ngono", "email": "awa@example.com", "phone": "+237670000000"},
    "customers.update": {"metadata": {"order": "7"}},
    "customers.search": {"query": "email:'awa@example.com'"},
    "payment_methods.create": {"type": "mobile_money", "mobile_money": {"phone": "+237670000000"}},
    "payment_methods.update": {"metadata": {"wallet": "main"}},
    "payment_intents.create": {
        "amount": 5000,
        "currency": "xaf",
        "confirm": True,
        "payment_method_data": {
            "type": "mobile_money",
            "mobile_money": {"phone": "+237670000000"},
        },
    },
    "payment_intents.update": {"description": "Order 7"},
    "payment_intents.confirm": {"payment_method": "pm_card_visa"},
    "charges.update": {"metadata": {"order": "7"}},
    "events.list": {"type": "payment_intent.*"},
    "webhook_endpoints.create": {
        "url": "https://shop.example.com/cpay",
        "enabled_events": ["payment_intent.succeeded"],
    },
    "webhook_endpoints.update": {"disabled": True},
}

# What an example gives for a word that it must give.
SAMPLES: dict[str, Any] = {
    "amount": 5000,
    "charge": "py_0VbbFxRD00DBKxpyG7jHolzO",
    "currency": "xaf",
    "customer": "cus_0VbbFxQP00CKWrHF4Od9gFVt",
    "intent": "pi_0VbbFxRC00BkQHYwVA60PxqE",
    "limit": 3,
    "payment_method": "pm_0VbbFxQp00DGHsXq0L8vKkWy",
    "webhook_endpoint": "we_0VbbFxR600D79IYrvPLwXp5a",
}
