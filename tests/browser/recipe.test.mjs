// The recipe of docs/javascript.md where it has to work: in Node, and in a page of another origin.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./browser.mjs";
import { Companion, unique, visitorInNode, visitorInPage } from "./people.mjs";
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

const homes = {
  "in Node": async (t, options) => {
    const visitor = await visitorInNode(t, program, options);
    return { run: async (call, ...args) => call(visitor, ...args) };
  },
  "in a page of another origin": (t, options) => visitorInPage(t, browser, site, options),
};

for (const [where, visit] of Object.entries(homes)) {
  describe(`the recipe ${where}`, { timeout: 60_000 }, () => {
    /** A server, and a visitor and a companion in one room of it. */
    async function meet(t, ...flags) {
      const server = await Server.start(t, ...flags);
      const visitor = await visit(t, { port: server.port });
      const room = unique("room");
      const userId = await visitor.run((v, name) => v.enter(name), room);
      const companion = await Companion.join(t, server, room);
      return { server, visitor, room, userId, companion };
    }

    /** Waits until the visitor has shown so many messages, and then that nothing more is on its way. */
    async function shown(visitor, count) {
      return visitor.run(async (v, expected) => {
        await v.until(() => v.shown.length >= expected);
        await v.chat.socket.send({ ping: {} });
        return v.shown;
      }, count);
    }

    it("chats both ways", async (t) => {
      const { visitor, companion } = await meet(t);
      await visitor.run((v) => v.say("hello ☃"));
      assert.equal(await companion.hears(), "hello ☃");
      await companion.say("and hello to you");
      assert.deepEqual(await shown(visitor, 2), ["hello ☃", "and hello to you"]);
    });

    it("comes back once after failed attempts, and shows what it missed once and in order", async (t) => {
      const { server, visitor, room, userId, companion } = await meet(t);
      const { port } = server;
      await companion.say("before");
      await server.stop();
      await visitor.run((v) => v.until(() => v.count("waiting") >= 4)); // the drop, and three failed attempts

      // On another port first: there the companion is back before the visitor can be.
      await server.start(0);
      await companion.enter(t, server, room);
      for (const text of ["missed 1", "missed 2", "missed 3"]) await companion.say(text);
      await server.stop();
      await server.start(port);
      await visitor.run((v) => v.until(() => v.count("connected") === 2));
      await companion.enter(t, server, room);
      assert.deepEqual(await companion.sees(userId), { inRoom: 1, connected: 1 });

      await companion.say("after");
      await visitor.run((v) => v.say("mine"));
      assert.deepEqual(await shown(visitor, 6), ["before", "missed 1", "missed 2", "missed 3", "after", "mine"]);
      assert.deepEqual(await companion.sees(userId), { inRoom: 1, connected: 1 });
      assert.equal(await visitor.run((v) => v.signIns), 1);
    });

    it("refuses a text that would cost the connection, and keeps it", async (t) => {
      const { visitor, companion } = await meet(t);
      const { refusal, fits } = await visitor.run(async (v) => {
        // A snowman is one letter and three bytes.
        const fitting = async (length) => v.say("☃".repeat(length)).then(() => true, (error) => {
          if (!(error instanceof RangeError)) throw error;
          return false;
        });
        const refusal = await v.say("x".repeat(4096)).catch((error) => error.message);
        // The longest that fits: the server has to take that one.
        let length = 1400;
        while (!(await fitting(length))) length -= 1;
        return { refusal, fits: length };
      });
      assert.match(refusal, /^\d+ bytes, of at most 4096$/);
      assert.ok(fits > 1300, `only ${fits} fit`);
      assert.equal(await companion.hears(), "☃".repeat(fits));
      assert.deepEqual(await visitor.run((v) => v.states), ["connected"]);
    });

    it("stays away after it was told to disconnect", async (t) => {
      const { visitor, userId, companion } = await meet(t);
      await visitor.run((v) => v.chat.disconnect());
      await visitor.run((v) => v.until(() => v.count("closed") === 1));
      assert.deepEqual(await visitor.run((v) => [v.states, v.chat.socket]), [["connected", "closed"], null]);
      assert.equal(await companion.seesLeave(), userId);
    });

    it("stays away after a logout", async (t) => {
      const { visitor } = await meet(t);
      await visitor.run(async (v) => {
        const { token, refresh_token } = v.chat.session;
        await v.client.sessionLogout(v.chat.session, token, refresh_token);
        await v.until(() => v.count("closed") === 1);
      });
      assert.deepEqual(await visitor.run((v) => [v.states, v.why]), [
        ["connected", "closed"],
        "connection closed: 1008 logged out",
      ]);
    });

    it("makes way for the user's newer connection where a user has one only", async (t) => {
      const { server, visitor } = await meet(t, "--single-socket");
      const device = unique("device");
      const [older, newer] = [await visit(t, { port: server.port, device }), visitor];
      await older.run((v) => v.chat.start());
      await newer.run(async (v, id) => {
        await v.client.createSocket(false).connect(await v.client.authenticateDevice(id, true), true);
      }, device);
      await older.run((v) => v.until(() => v.count("closed") === 1));
      assert.equal(await older.run((v) => v.why), "connection closed: 1008 connected elsewhere");
    });
  });
}
