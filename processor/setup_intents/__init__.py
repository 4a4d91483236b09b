"""Setup intents: a means of payment is checked and saved, to be charged later."""
