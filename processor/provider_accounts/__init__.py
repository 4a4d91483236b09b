"""Provider accounts: a merchant's own accounts at payment providers, with their credentials."""
