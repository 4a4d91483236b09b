"""Webhook endpoints: where a merchant wants to hear of events."""
