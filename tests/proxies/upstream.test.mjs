// Requests as proxies send them to banter, byte by byte: what a proxy would hide is seen here.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { it } from "node:test";
import { gunzipSync } from "node:zlib";
import { withKey, withWrongKey } from "./caller.mjs";
import { clientFor, unique } from "./people.mjs";

const banter = new URL(process.env.BANTER_URL);
const CRLF = "\r\n";

/** A connection without HTTP: what is written is sent as it is. */
async function wire(t) {
  const socket = connect(banter.port, banter.hostname);
  t.after(() => socket.destroy());
  socket.setTimeout(10_000, () => socket.destroy(new Error("no answer")));
  await once(socket, "connect");
  return socket;
}

const head = (...lines) => [...lines, "Host: banter", "", ""].join(CRLF);

/** The one answer on a connection that banter then closes. */
async function answerBeforeTheEnd(socket) {
  const parts = [];
  for await (const part of socket) parts.push(part);
  const bytes = Buffer.concat(parts);
  const end = bytes.indexOf(CRLF + CRLF);
  assert.notEqual(end, -1, `no answer: ${bytes}`);
  return { header: bytes.subarray(0, end).toString(), body: bytes.subarray(end + 4) };
}

it("an answer over HTTP/1.0 is whole, and not in chunks, also when it is packed", async (t) => {
  const { token } = await clientFor(banter.origin).authenticateDevice(unique("device"), true);
  for (const encoding of ["identity", "gzip"]) {
    const socket = await wire(t);
    const headers = [`Authorization: Bearer ${token}`, `Accept-Encoding: ${encoding}`, "Connection: close"];
    socket.write(head("GET /v2/account HTTP/1.0", ...headers));
    const { header, body } = await answerBeforeTheEnd(socket);
    assert.match(header, /^HTTP\/1\.[01] 200 /);
    assert.doesNotMatch(header, /transfer-encoding/i);
    const isPacked = /^content-encoding: gzip/im.test(header);
    assert.ok(JSON.parse(isPacked ? gunzipSync(body) : body).user.id);
    const length = /^content-length: (\d+)/im.exec(header)?.[1];
    if (length !== undefined) assert.equal(body.length, Number(length));
  }
});

it("a request called an upgrade that is none is an ordinary one, and its answer says it is the last", async (t) => {
  const sent = JSON.stringify({ id: unique("device") });
  for (const [path, key, status] of [
    ["/v2/account/authenticate/device", withKey, 200],
    ["/v2/account/authenticate/device", withWrongKey, 401],
    ["/v2/nothing", withKey, 404],
  ]) {
    for (const upgrade of [[], ["Upgrade: h2c"]]) {
      const socket = await wire(t);
      socket.write(head(
        `POST ${path} HTTP/1.1`, `Authorization: ${key.authorization}`, "Connection: upgrade", ...upgrade,
        `Content-Length: ${sent.length}`,
      ) + sent);
      // The proxy may not use the connection again, so it has to be told, and the connection has to end.
      const { header, body } = await answerBeforeTheEnd(socket);
      assert.match(header, new RegExp(`^HTTP/1.1 ${status} `), path);
      assert.match(header, /^connection: close\r?$/im);
      assert.equal(body.length, Number(/^content-length: (\d+)\r?$/im.exec(header)[1]));
    }
  }
});
