"""Receive CPay's webhooks and check their signatures, with Stripe's own package.

    python examples/webhook.py http://127.0.0.1:8420 sk_test_...

Makes an endpoint for this machine, prints each event it receives, and removes the endpoint at
Ctrl-C. Needs `pip install stripe`.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

PORT = 4242

base, key = sys.argv[1:]
client = stripe.StripeClient(key, base_addresses={"api": base})
endpoint = client.v1.webhook_endpoints.create(
    {"url": f"http://127.0.0.1:{PORT}/hook", "enabled_events": ["*"]}
)


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 to what CPay has signed, 400 to anything else."""

    def do_POST(self) -> None:
        """One delivery."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = stripe.Webhook.construct_event(
                body, self.headers["Stripe-Signature"], endpoint.secret
            )
        except stripe.SignatureVerificationError:
            self.send_response(400)
        else:
            print(f"verified: {event.type} {event.data.object.id}", flush=True)
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print events only."""


print(f"waiting for events on port {PORT}", flush=True)
try:
    HTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
finally:
    client.v1.webhook_endpoints.delete(endpoint.id)
