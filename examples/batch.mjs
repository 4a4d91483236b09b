// Send any number of calls to CPay's CBOR door as one stream, and read the answers meanwhile.
//
//     npm install cbor-x
//     node examples/batch.mjs http://127.0.0.1:8420 sk_test_... 10000
//
// Run it again: the calls have the same idempotency keys, so each answer is the first one's again
// and nothing is created. That is also what to do after a lost connection.

import http from 'node:http';
import https from 'node:https';
import {once} from 'node:events';
import {Readable} from 'node:stream';
import {createGunzip} from 'node:zlib';
import {DecoderStream, Encoder} from 'cbor-x';

const [base, key, count] = process.argv.slice(2);
const name = 'node-example';

// Plain maps, as CPay wants them: no records, which are cbor-x's own tags. A number beyond 32 bits
// would be sent as a float, and refused as an amount: give such amounts as BigInt.
const plain = {useRecords: false, variableMapSize: true};
const encoder = new Encoder(plain);

function* calls() {
  for (let order = 0; order < Number(count); order++) {
    yield encoder.encode({
      method: 'payment_intents.create',
      params: {amount: 100 + order, currency: 'xaf', metadata: {order: String(order)}},
      idempotency_key: `${name}/${order}`,
    });
  }
}

const url = new URL('/rpc.batch', base);
const request = (url.protocol === 'https:' ? https : http).request(url, {
  method: 'POST',
  headers: {
    Authorization: `Bearer ${key}`,
    'Content-Type': 'application/cbor-seq',
    'Accept-Encoding': 'gzip',
    'Batch-Id': name,
  },
});
// `pipe` waits while the line is full, which it is while CPay is busy.
Readable.from(calls()).pipe(request);

const [response] = await once(request, 'response');
const packed = response.headers['content-encoding'] === 'gzip';
const bytes = packed ? response.pipe(createGunzip()) : response;
let [done, failed, replayed, last] = [0, 0, 0, undefined];
for await (const answer of bytes.pipe(new DecoderStream(plain))) {
  if (answer.batch !== undefined || response.statusCode !== 200) {
    last = answer; // about the stream, or its refusal as a whole
    continue;
  }
  done += 1;
  replayed += answer.replayed ? 1 : 0;
  if (answer.status !== 200) {
    failed += 1;
    console.error(`call ${done - 1}: ${answer.error.message}`);
  }
  if (done % 1000 === 0) console.log(`${done} of ${count}`);
}
console.log({done, failed, replayed, last});
if (last?.status !== 200) {
  console.error(last ? last.error.message : 'The answer was cut off: run this again.');
  process.exitCode = 1;
}
