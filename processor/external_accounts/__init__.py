"""External accounts: the bank accounts and mobile wallets that an account is paid out to."""
