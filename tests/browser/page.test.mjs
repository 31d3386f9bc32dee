// What a page of another origin can do with the stock client, and what it can read of a refusal: only what the server
// allows other origins, on errors as on answers.

import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, describe, it } from "node:test";
import { Browser } from "./browser.mjs";
import { unique } from "./people.mjs";
import { Server } from "./server.mjs";
import { makeProgram, serve } from "./site.mjs";

let program, site, browser;
before(async () => {
  program = await makeProgram();
  site = await serve(program.directory);
  browser = await Browser.launch();
});
after(async () => {
  await browser.close();
  site.close();
  await program.remove();
});

describe("a page of another origin", { timeout: 60_000 }, () => {
  /** A server and a page which has signed in to it, with `client`, `session`, `refusal` and `url` in reach. */
  async function signedIn(t) {
    const server = await Server.start(t);
    const page = await browser.open(t, site.url);
    await page.run(async (port, device) => {
      const { Client, Session } = await import("@heroiclabs/nakama-js");
      const { readable } = await import("/readable.js");
      const client = new Client("defaultkey", "127.0.0.1", String(port));
      const session = await client.authenticateDevice(device, true);
      const refusal = (call) => call.then(() => "not refused", readable);
      Object.assign(globalThis, { Session, client, session, refusal, url: `http://127.0.0.1:${port}` });
    }, server.port, unique("device"));
    return { server, page };
  }

  it("uses every method of the REST interface", async (t) => {
    const { page } = await signedIn(t);
    const name = await page.run(async () => {
      await client.updateAccount(session, { display_name: "Ana ☃" }); // PUT
      await client.deleteFriends(session, ["00000000-0000-4000-8000-000000000001"]); // DELETE
      return (await client.getAccount(session)).user.display_name; // POST was the sign-in
    });
    assert.equal(name, "Ana ☃");
  });

  it("reads why the server refuses a call", async (t) => {
    const { page } = await signedIn(t);
    const refusals = await page.run(async (email) => {
      await client.authenticateEmail(email, "correct horse", true);
      const [head, claims] = session.token.split(".");
      const forged = Session.restore(`${head}.${claims}.${"A".repeat(43)}`, session.refresh_token);
      return {
        password: await refusal(client.authenticateEmail(email, "wrong horse", false)),
        account: await refusal(client.authenticateDevice("nobody-has-this-device", false)),
        token: await refusal(client.getAccount(forged)),
        channel: await refusal(client.listChannelMessages(session, "no channel")),
        cursor: await refusal(client.listChannelMessages(session, "2...lobby", 10, false, "no cursor")),
        path: await refusal(fetch(`${url}/v2/nothing`).then((response) => Promise.reject(response))),
        part: await refusal(client.listTournaments(session)),
        body: await refusal(client.updateAccount(session, { display_name: "x".repeat(300_000) })),
      };
    }, `${unique("ana")}@example.com`);
    const expected = {
      password: /^.+ \(status 401, code 16\)$/,
      account: /^.+ \(status 404, code 5\)$/,
      token: /^.+ \(status 401, code 16\)$/,
      channel: /^.+ \(status 400, code 3\)$/,
      cursor: /^.+ \(status 400, code 3\)$/,
      path: /^.+ \(status 404, code 5\)$/,
      part: /^.+: not served here \(status \d+, code \d+\)$/,
      body: /^.+ \(status 4\d\d, code \d+\)$/,
    };
    for (const [what, pattern] of Object.entries(expected)) assert.match(refusals[what], pattern, what);
  });

  it("reads why the server refuses a request on the socket", async (t) => {
    const { page } = await signedIn(t);
    const { error, text, late } = await page.run(async () => {
      const socket = client.createSocket(false);
      await socket.connect(session, true);
      const error = await socket.joinChat("", 1, true, false).catch((refused) => refused);
      const text = await refusal(socket.joinChat("", 1, true, false));
      socket.disconnect(false);
      return { error, text, late: await refusal(socket.joinChat("lobby", 1, true, false)) };
    });
    assert.equal(error.code, 3);
    assert.equal(text, error.message);
    assert.match(text, /./);
    assert.equal(late, "Socket connection has not been established yet.");
  });

  it("gets something to show when there is no server", async (t) => {
    const { server, page } = await signedIn(t);
    await server.stop();
    const texts = await page.run(async () => [
      await refusal(client.getAccount(session)),
      await refusal(client.createSocket(false).connect(session, true)),
    ]);
    assert.deepEqual(texts, ["Failed to fetch", "no connection"]);
  });

  it("may use a method that needs leave without naming headers", async (t) => {
    const { page } = await signedIn(t);
    const refusals = await page.run(() => Promise.all(["PUT", "DELETE"].map(async (method) => {
      const response = await fetch(`${url}/v2/account`, { method });
      return [response.status, (await response.json()).code];
    })));
    assert.deepEqual(refusals, [[401, 16], [401, 16]]);
  });

  for (const headers of [undefined, "", "authorization,content-type", "accept, origin, authorization"]) {
    it(`is given leave when it asks for ${headers === undefined ? "no headers" : `the headers "${headers}"`}`, async (t) => {
      const { port } = await Server.start(t);
      const asked = { Origin: site.url.slice(0, -1), "Access-Control-Request-Method": "PUT" };
      if (headers !== undefined) asked["Access-Control-Request-Headers"] = headers;
      const given = await answer({ port, path: "/v2/account", method: "OPTIONS", headers: asked });
      assert.equal(given.statusCode, 200);
      assert.equal(given.headers["access-control-allow-origin"], "*");
      assert.match(given.headers["access-control-allow-methods"], /\bPUT\b/);
    });
  }
});

/** By hand, because a page cannot choose the headers of its preflights. */
function answer(options) {
  return new Promise((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", agent: false, ...options }, (response) => {
      response.resume().on("end", () => resolve(response));
    });
    asking.on("error", reject).end();
  });
}
