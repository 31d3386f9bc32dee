// banter stops and comes back, while the proxy stays.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Caller, SIGN_IN, padded, withKey } from "./caller.mjs";
import { personIn, unique } from "./people.mjs";
import { Banter } from "./programs.mjs";
import { proxies } from "./proxies.mjs";

describe("an end of banter", { timeout: 30_000 }, () => {
  for (const { name, start, skip } of proxies) {
    it(`a shutdown of banter reaches players through ${name} as close code 1001`, { skip }, async (t) => {
      const banter = await Banter.start(t);
      const proxy = await start(t, banter.url);
      const room = unique("room");
      const players = [await personIn(t, proxy.url, room), await personIn(t, proxy.url, room)];
      const exit = banter.stop();
      for (const { connection } of players) assert.equal((await connection.end()).code, 1001);
      assert.equal(await exit, 0);
    });

    it(`after a restart of banter the first request through ${name} is answered`, { skip }, async (t) => {
      const banter = await Banter.start(t);
      const proxy = await start(t, banter.url);
      const caller = new Caller(t, proxy.url, 4);
      const signIn = async () => {
        const body = padded({ id: unique("device") }, 0);
        return (await caller.call("POST", SIGN_IN, { headers: withKey, body })).status;
      };
      // Several at once, so that the proxy has several connections which the end of banter makes useless.
      const statuses = () => Promise.all(Array.from({ length: 4 }, signIn));
      assert.deepEqual(await statuses(), [200, 200, 200, 200]);
      assert.equal(await banter.stop(), 0);
      await Banter.start(t, {}, { port: banter.url.port, data: banter.data });
      assert.deepEqual(await statuses(), [200, 200, 200, 200]);
    });
  }
});
