"""Payment methods: a card by token, or a mobile money wallet by its number."""
