"""The demo merchants of the dev stack, and what is printed when it is ready."""

import asyncio
import json
from pathlib import Path

import asyncpg

from cpay.settings import Settings
from tenants import keys, provision

_FILE = "demo.json"


def ensure_demo(settings: Settings) -> dict[str, str]:
    """Two merchants with test keys, made on the first start: secret_key, publishable_key,
    other_secret_key. Their keys are kept beside the data they open."""
    file = settings.state_dir / _FILE
    if file.exists() and asyncio.run(_still_there(settings, json.loads(file.read_text()))):
        return dict(json.loads(file.read_text()))
    demo = asyncio.run(_create(settings))
    _write(file, json.dumps(demo, indent=2))
    return demo


async def _still_there(settings: Settings, demo: dict[str, str]) -> bool:
    """Whether this database knows the keys: the file may have outlived it."""
    connection = await asyncpg.connect(settings.admin_database_url)
    try:
        digest = keys.key_hash(settings.key_pepper.encode(), demo["other_secret_key"])
        found = await connection.fetchval(
            "select 1 from platform.api_keys where hash = $1 and revoked_at is null", digest
        )
    finally:
        await connection.close()
    return found is not None


async def _create(settings: Settings) -> dict[str, str]:
    connection = await asyncpg.connect(settings.admin_database_url)
    pepper = settings.key_pepper.encode()
    try:
        async with connection.transaction():
            shop = await provision.create_tenant(connection, "Boutique Akwa")
            other = await provision.create_tenant(connection, "Librairie Bastos")
            made = {}
            wanted: list[tuple[str, provision.Tenant, keys.KeyKind]] = [
                ("secret_key", shop, "secret"),
                ("publishable_key", shop, "publishable"),
                ("other_secret_key", other, "secret"),
            ]
            for name, tenant, kind in wanted:
                _, made[name] = await keys.create_key(
                    connection, pepper, tenant.test_schema, False, kind, "demo"
                )
    finally:
        await connection.close()
    return made


def _write(file: Path, text: str) -> None:
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(file)


def welcome(dev: dict[str, object]) -> str:
    """What to try first, ready to be pasted."""
    base, key = dev["api_base"], dev["secret_key"]
    return f"""
CPay is ready at {base}   (Ctrl-C stops it; keys are in .cpay/dev.json)

A first charge, by card:

  curl {base}/v1/payment_intents -u {key}: \\
    -d amount=5000 -d currency=xaf -d confirm=true -d payment_method=pm_card_visa

By MTN MoMo; the sandbox payer confirms within a second or so:

  curl {base}/v1/payment_intents -u {key}: \\
    -d amount=5000 -d currency=xaf -d confirm=true \\
    -d "payment_method_data[type]=mobile_money" \\
    -d "payment_method_data[billing_details][phone]=+237670000000"

The same from Python, with Stripe's own package (pip install stripe):

  import stripe
  stripe.api_key, stripe.api_base = "{key}", "{base}"
  intent = stripe.PaymentIntent.create(amount=5000, currency="xaf", confirm=True,
                                       payment_method="pm_card_visa")
  print(intent.status, stripe.Charge.retrieve(intent.latest_charge).receipt_url)
"""
