"""What the sandbox of Orange Money Cameroon knows by heart: its merchant, test numbers and words.

Orange has no sandbox, so that every test number is ours. A subscriber whose number is in no table
pays, and can be sent money. The numbers end like MTN's official ones where both rails know such an
outcome:

| subscriber | a payment                               | a cash-in        |
|------------|-----------------------------------------|------------------|
| 690000050  | PENDING, then FAILED                    | done             |
| 690000051  | PENDING, then CANCELLED                 | done             |
| 690000052  | PENDING for 7 minutes, then EXPIRED     | done             |
| 690000054  | PENDING for 25 seconds, then paid       | done             |
| 690000055  | refused: 99051, not a subscriber        | refused: 99051   |
| 690000056  | refused: 00671, unknown number          | refused: 00671   |
| 690000057  | refused: 0066111, invalid subscriber    | refused: 0066111 |
| 690000065  | refused: 60019, the payer lacks funds   | refused: 60019   |
| 690000066  | the same with HTTP 200 instead of 417   | refused: 60019   |

A script's outcome means the same, so that what only a prompt can end in does not touch a cash-in.
The codes are those that public clients know; that a wrong PIN is 60021 is hearsay.
"""

import re
from typing import Final

from providers.orange_cm_calls import OrangeCmAccount

# The one merchant. Orange hands these out on paper, so that there is no call to make another.
CONSUMER: Final = ("CpaySandboxConsumerKey", "CpaySandboxConsumerSecret")
API_USER: Final = ("CPAYSANDBOX", "CpaySandboxPassword")
CHANNEL_MSISDN: Final = "699000000"
PIN: Final = "482913"


def demo_account(base_url: str) -> OrangeCmAccount:
    """The merchant's credentials, at the sandbox that `base_url` is the address of."""
    (consumer_key, consumer_secret), (api_user, api_password) = CONSUMER, API_USER
    return OrangeCmAccount(
        consumer_key=consumer_key,
        api_user=api_user,
        channel_msisdn=CHANNEL_MSISDN,
        consumer_secret=consumer_secret,
        api_password=api_password,
        pin=PIN,
        base_url=base_url,
    )


WRONG_PIN: Final = "60021"
UNKNOWN_NUMBER: Final = "00671"
LACK_OF_FUNDS: Final = "60019"

# Refusals: the code, and the text beside it. Orange's own is that of 60019 only.
REFUSALS: Final = {
    LACK_OF_FUNDS: "Le solde du compte du payeur est insuffisant",
    UNKNOWN_NUMBER: "Le numero est inconnu",
    "99051": "Le numero n'est pas celui d'un abonne Orange Money",
    "0066111": "L'abonne est invalide",
    WRONG_PIN: "Le code PIN est incorrect",
}
LACK_OF_FUNDS_IN_200: Final = "60019_IN_200"  # the refusal that hides in a success

TEST_NUMBERS: Final = {
    "690000050": "FAILED",
    "690000051": "CANCELLED",
    "690000052": "EXPIRED",
    "690000054": "DELAYED",
    "690000055": "99051",
    "690000056": UNKNOWN_NUMBER,
    "690000057": "0066111",
    "690000065": LACK_OF_FUNDS,
    "690000066": LACK_OF_FUNDS_IN_200,
}
OUTCOMES: Final = (
    "SUCCESSFULL", "FAILED", "CANCELLED", "EXPIRED", "DELAYED",
    LACK_OF_FUNDS, LACK_OF_FUNDS_IN_200, UNKNOWN_NUMBER, "99051", "0066111", WRONG_PIN,
)  # fmt: skip

MSISDN: Final = re.compile("6[0-9]{8}", re.ASCII)  # national; with 237 in front it is unknown

PROMPT: Final = (
    "Paiement e la clientele done.The devrez confirmer le paiement en saisissant son code PIN et "
    "vous recevrez alors un SMS. Merci dutiliser des services Orange Money."
)
HOLDER: Final = ("SAND", "BOX")  # first and last name of every subscriber
