"""The MTN sandbox as an independent client sees it: the npm package "mtn-momo"."""

import json
import os
import subprocess

from fetched import npm_package
from mtn_servers import DISBURSEMENT_KEY, KEY, QUICK, mtn_at

from providers.sandbox.book import Book

NPM_CLIENT = "mtn-momo@2.0.0"

# The client's own words: create users, ask for money, send some of it, read what became of it.
NODE_SCRIPT = """
const momo = require("mtn-momo");
const [baseUrl, collectionKey, disbursementKey] = process.argv.slice(1);
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
(async () => {
  const { Users, Collections, Disbursements } = momo.create({ callbackHost: "127.0.0.1", baseUrl });
  const access = async primaryKey => {
    const users = Users({ primaryKey });
    const userId = await users.create("127.0.0.1");
    const { apiKey } = await users.login(userId);
    return { primaryKey, userId, userSecret: apiKey };
  };
  const collections = Collections(await access(collectionKey));
  const disbursements = Disbursements(await access(disbursementKey));
  const text = { payerMessage: "Order 1", payeeNote: "Order 1" };
  const party = partyId => ({ partyIdType: "MSISDN", partyId });
  const ask = partyId => collections.requestToPay({
    amount: "12.50", currency: "EUR", externalId: "ch_1", payer: party(partyId), ...text,
  });
  const send = (partyId, amount) => disbursements.transfer({
    amount, currency: "EUR", externalId: "po_1", payee: party(partyId), ...text,
  });
  const error = error => error.transaction || error;
  const [good, bad] = [await ask("46733123400"), await ask("46733123451")];
  await pause(500);
  const paid = await collections.getTransaction(good);
  const failed = await collections.getTransaction(bad).catch(error);
  const collected = await collections.getBalance();
  const [out, lost, tooMuch] = [
    await send("46733123400", "2.50"), await send("46733123457", "1"),
    await send("46733123400", "10.01"),
  ];
  await pause(500);
  const sent = await disbursements.getTransaction(out);
  const refused = await disbursements.getTransaction(lost).catch(error);
  const short = await disbursements.getTransaction(tooMuch).catch(error);
  const balance = await disbursements.getBalance();
  console.log(JSON.stringify({ paid, failed, collected, sent, refused, short, balance }));
})().catch(error => { console.error(error); process.exit(1); });
"""


def test_the_npm_client_understands_the_sandbox() -> None:
    node_modules = npm_package(NPM_CLIENT)
    with mtn_at(Book(None), QUICK) as mtn:
        done = subprocess.run(
            ["node", "-e", NODE_SCRIPT, mtn.url, KEY, DISBURSEMENT_KEY],
            env={"NODE_PATH": str(node_modules), "PATH": os.environ["PATH"]},
            capture_output=True,
            timeout=60,
            check=False,
        )
        movements = mtn.movements()
    assert done.returncode == 0, done.stderr.decode()
    seen = json.loads(done.stdout)
    assert (seen["paid"]["status"], seen["paid"]["amount"]) == ("SUCCESSFUL", "12.5")
    assert seen["failed"]["reason"] == "APPROVAL_REJECTED"
    assert seen["collected"] == {"availableBalance": "12.5", "currency": "EUR"}
    assert (seen["sent"]["status"], seen["sent"]["payee"]["partyId"]) == (
        "SUCCESSFUL",
        "46733123400",
    )
    assert seen["refused"]["reason"] == "PAYEE_NOT_FOUND"
    assert seen["short"]["reason"] == "NOT_ENOUGH_FUNDS"
    assert seen["balance"] == {"availableBalance": "10", "currency": "EUR"}
    assert [(moved["direction"], moved["amount"]) for moved in movements] == [
        ("in", 1250),
        ("out", 250),
    ]
