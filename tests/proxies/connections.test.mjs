// What a proxy does on its way to banter: how it keeps connections, and what it says of clients.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Caller, SIGN_IN, padded, withKey } from "./caller.mjs";
import { unique } from "./people.mjs";
import { proxies } from "./proxies.mjs";
import { Relay } from "./relay.mjs";

const banter = new URL(process.env.BANTER_URL);

const signIn = async (caller, bytes = 0) => {
  const body = padded({ id: unique("device") }, bytes);
  return (await caller.call("POST", SIGN_IN, { headers: withKey, body })).status;
};

// At the same time, because most of it is waiting.
describe("connections to banter", { concurrency: true, timeout: 60_000 }, () => {
  for (const { name, start, skip } of proxies) {
    it(`${name} sends a hundred requests, one after the other, over one connection`, { skip }, async (t) => {
      const relay = await Relay.start(t, banter);
      const caller = new Caller(t, (await start(t, relay.url)).url, 1);
      for (let i = 0; i < 100; i++) assert.equal(await signIn(caller, i), 200);
      assert.equal(relay.connections, 1);
    });

    it(`${name} drops idle connections before banter does, so no request is lost on one`, { skip }, async (t) => {
      const relay = await Relay.start(t, banter);
      const caller = new Caller(t, (await start(t, relay.url)).url, 20);
      const crowd = () => Promise.all(Array.from({ length: 20 }, () => signIn(caller).catch(({ message }) => message)));
      const good = Array.from({ length: 20 }, () => 200);
      assert.deepEqual(await crowd(), good);
      await relay.quiet();
      assert.deepEqual(await crowd(), good);
    });

    it(`${name} says where a client comes from, whatever the client says`, { skip }, async (t) => {
      const relay = await Relay.start(t, banter);
      const caller = new Caller(t, (await start(t, relay.url)).url);
      const claims = { "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "gopher" };
      assert.equal((await caller.call("GET", "/healthcheck", { headers: claims })).status, 200);
      const lines = (header) => relay.sent.matchAll(new RegExp(`^${header}: (.*)\r$`, "gim"));
      const said = (header) => Array.from(lines(header), ([, value]) => value);
      assert.deepEqual(said("x-forwarded-for"), ["127.0.0.1"]);
      assert.deepEqual(said("x-forwarded-proto"), ["https"]);
      assert.match(relay.sent, /^GET \/healthcheck HTTP\/1\.1\r$/m);
    });
  }
});
