// What a player does, with the stock client, over TLS and below a prefix.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, it } from "node:test";
import { Caller, withToken } from "./caller.mjs";
import { lifeOfGroup, personIn, silentSocket, unique } from "./people.mjs";
import { proxies } from "./proxies.mjs";

const banter = new URL(process.env.BANTER_URL);

for (const { name, start, skip } of proxies) {
  describe(`chat through ${name}`, { skip, timeout: 30_000 }, () => {
    const life = lifeOfGroup();
    let proxy;
    before(async () => {
      proxy = await start(life, banter);
    });

    it(`two players chat both ways through ${name}`, async (t) => {
      const room = unique("room");
      const [ana, ben] = [await personIn(t, proxy.url, room), await personIn(t, proxy.url, room)];
      for (const [from, text] of [[ana, "hello"], [ben, "hi"], [ana, "x".repeat(3000)]]) {
        await from.socket.writeChatMessage(from.channel.id, { text });
        for (const { connection } of [ana, ben]) assert.deepEqual((await connection.message()).content, { text });
      }
    });

    it(`a socket opens through ${name} with nothing but the protocol`, async (t) => {
      const { session } = await personIn(t, proxy.url, unique("room"));
      const { socket, next } = await silentSocket(t, proxy.url, session);
      const answer = next();
      const channel_join = { target: "lobby", type: 1, persistence: true, hidden: false };
      socket.send(JSON.stringify({ cid: "1", channel_join }));
      const { cid, channel } = await answer;
      assert.equal(cid, "1");
      assert.equal(channel.id, "2...lobby");
    });

    it(`a socket with a bad token is refused with 401 through ${name}`, async (t) => {
      await assert.rejects(silentSocket(t, proxy.url, { token: "bad" }), /401/);
    });

    it(`a request for a socket that is no upgrade is answered with 400 through ${name}`, async (t) => {
      const { session } = await personIn(t, proxy.url, unique("room"));
      const { status } = await new Caller(t, proxy.url).call("GET", `/ws?token=${session.token}`);
      assert.equal(status, 400);
    });

    it(`a path outside of the prefix does not lead to banter through ${name}`, async (t) => {
      const { status } = await new Caller(t, new URL(proxy.url).origin).call("GET", "/healthcheck");
      assert.ok(status >= 400, `${status}`);
    });

    it(`a room whose name needs escaping has its history through ${name}`, async (t) => {
      const room = `red/blue//50%&?#;+☃%2F../${randomBytes(12).toString("base64url")}`;
      const ana = await personIn(t, proxy.url, room);
      await ana.socket.writeChatMessage(ana.channel.id, { text: "hello" });
      const { messages } = await ana.client.listChannelMessages(ana.session, ana.channel.id);
      assert.deepEqual(messages.map(({ content }) => content), [{ text: "hello" }]);
    });

    it(`an answer that is packed stays packed, and whole, through ${name}`, async (t) => {
      const ana = await personIn(t, proxy.url, unique("room"));
      const text = "the same again and again ".repeat(100);
      for (let i = 0; i < 20; i++) await ana.socket.writeChatMessage(ana.channel.id, { text, i });
      const path = `/v2/channel/${ana.channel.id}?limit=20&forward=true`;
      const caller = new Caller(t, proxy.url);
      const headers = withToken(ana.session);
      const packed = await caller.call("GET", path, { headers: { ...headers, "accept-encoding": "gzip" } });
      const plain = await caller.call("GET", path, { headers });
      assert.equal(packed.headers["content-encoding"], "gzip");
      assert.equal(plain.headers["content-encoding"], undefined);
      assert.ok(plain.text.length > 50_000);
      assert.equal(packed.text, plain.text);
    });
  });
}
