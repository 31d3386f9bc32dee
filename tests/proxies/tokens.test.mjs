// What the proxies write down. A socket's token is in the query of its request, and must not be in their logs.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Caller } from "./caller.mjs";
import { clientFor, personIn, silentSocket, unique } from "./people.mjs";
import { Banter } from "./programs.mjs";
import { proxies } from "./proxies.mjs";

/** A line for each request, and no token. */
async function logsHoldNoTokens(t, start) {
  const banter = await Banter.start(t);
  const proxy = await start(t, banter.url);
  const { session } = await personIn(t, proxy.url, unique("room"));
  const { token } = session;
  await clientFor(proxy.url).getAccount(session);
  await assert.rejects(silentSocket(t, proxy.url, { token: `${token}x` }), /401/);
  assert.equal(await banter.stop(), 0);
  await assert.rejects(silentSocket(t, proxy.url, session), /50[23]/);
  await new Caller(t, proxy.url).call("GET", `/ws?token=${token}`);

  // A line is written when its request has been answered, or a moment later. Another part of the path
  // than `/ws` would be found in the configuration that Caddy logs, too.
  for (const path of ["/chat/ws", "/chat/v2/account"]) {
    await proxy.program.until(`a line about ${path}`, () => proxy.log().includes(path));
  }
  await proxy.program.until("a line for each of four sockets", () => proxy.log().split("/chat/ws").length > 4);
  const signature = token.split(".")[2];
  for (const secret of [token, signature]) assert.ok(!proxy.log().includes(secret), proxy.log());
}

// At the same time, because HAProxy waits before it gives up.
describe("logs", { concurrency: true, timeout: 30_000 }, () => {
  for (const { name, start, skip } of proxies) {
    it(`the logs of ${name} name paths but no tokens, even when banter is gone`, { skip }, async (t) => {
      await logsHoldNoTokens(t, start);
    });
  }
});
