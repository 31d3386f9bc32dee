// Sockets on which nothing is said. A proxy cuts what is silent for too long; banter's pings keep it from that.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clientFor, silentSocket, unique } from "./people.mjs";
import { Banter } from "./programs.mjs";
import { proxies } from "./proxies.mjs";

/** The line of each example that says how long a socket may be silent. Caddy does not mind. */
const silenceOf = {
  nginx: (time) => [["proxy_read_timeout 60s;", `proxy_read_timeout ${time};`]],
  haproxy: (time) => [["timeout tunnel 60s ", `timeout tunnel ${time} `]],
  caddy: () => [],
};

// Not through the proxy, because its time-out is for answers, too, and these may take a while on a busy machine.
const signIn = (url) => clientFor(url.origin).authenticateDevice(unique("device"), true);

// At the same time, because most of it is waiting.
describe("silence on sockets", { concurrency: true, timeout: 30_000 }, () => {
  for (const { name, start, skip } of proxies) {
    it(`an idle socket outlives the time-out of ${name}, because banter pings`, { skip }, async (t) => {
      const banter = await Banter.start(t, { "ping-period": "500ms", "pong-wait": "10s" });
      const proxy = await start(t, banter.url, silenceOf[name]("2s"));
      const { socket, closed, pinged, next } = await silentSocket(t, proxy.url, await signIn(banter.url));
      // Pings come after 500 ms or more, so these take 5 s at least: more than twice the time-out.
      assert.equal(await Promise.race([pinged(10), closed]), "pinged");
      const answer = next();
      socket.send(JSON.stringify({ cid: "1", ping: {} }));
      assert.deepEqual(await answer, { cid: "1", pong: {} });
    });

    if (name !== "caddy") {
      it(`${name} cuts an idle socket if its time-out is shorter than the ping period`, { skip }, async (t) => {
        const banter = new URL(process.env.BANTER_URL);
        const proxy = await start(t, banter, silenceOf[name]("1s"));
        const { closed } = await silentSocket(t, proxy.url, await signIn(banter));
        assert.equal(await closed, 1006);
      });
    }
  }
});
