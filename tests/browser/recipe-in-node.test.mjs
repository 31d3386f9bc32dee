// The recipe of docs/javascript.md in situations that a page and Node meet alike, and Node can be put into with less.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Companion, clientOf, unique, visitorInNode } from "./people.mjs";
import { Server } from "./server.mjs";
import { makeProgram } from "./site.mjs";

const limits = { timeout: 60_000 };

let program;
before(async () => { program = await makeProgram(); });
after(() => program.remove());

/** A server, and a visitor and a companion in one room of it. */
async function meet(t, { flags = [], ...options } = {}) {
  const server = await Server.start(t, ...flags);
  const visitor = await visitorInNode(t, program, { port: server.port, ...options });
  const room = unique("room");
  const userId = await visitor.enter(room);
  const companion = await Companion.join(t, server, room);
  return { server, visitor, room, userId, companion };
}

/** Makes the server cut the visitor off, as it does with whoever sends it garbage. */
const cutOff = (visitor) => visitor.chat.socket.adapter._socket.send("garbage");

describe("catching up", limits, () => {
  it("takes as many pages as it needs", async (t) => {
    const { server, visitor, room, companion } = await meet(t);
    await companion.say("before");
    const { port } = server;
    await server.stop();
    await server.start(0);
    await companion.enter(t, server, room);
    const missed = Array.from({ length: 250 }, (_, i) => `missed ${i}`);
    await Promise.all(missed.map((text) => companion.say(text)));
    await server.stop();
    await server.start(port);
    await visitor.until(() => visitor.count("connected") === 2);
    assert.deepEqual(visitor.shown, ["before", ...missed]);
  });

  it("holds back what is said meanwhile, and shows nothing twice that comes both ways", async (t) => {
    const { visitor, companion, userId } = await meet(t);
    const { client } = visitor;
    const history = client.listChannelMessages.bind(client);
    const [asking, asked, answering] = [gate(), gate(), gate()];
    client.listChannelMessages = async (...query) => {
      await asking.opened;
      const page = await history(...query);
      asked.open();
      await answering.opened;
      return page;
    };
    cutOff(visitor);
    assert.equal(await companion.seesLeave(), userId);
    await companion.say("missed");
    assert.equal(await companion.seesJoin(), userId);
    await companion.say("live and in the history");
    asking.open();
    await asked.opened;
    await companion.say("live only");
    // What the server has sent to the visitor before this answer has arrived with it.
    await visitor.sockets.at(-1).send({ ping: {} });
    assert.deepEqual(visitor.shown, []);
    answering.open();
    await visitor.until(() => visitor.count("connected") === 2);
    assert.deepEqual(visitor.shown, ["missed", "live and in the history", "live only"]);
  });

  it("begins with the latest messages of a room", async (t) => {
    const server = await Server.start(t);
    const room = unique("room");
    const companion = await Companion.join(t, server, room);
    for (const text of ["one", "two", "three"]) await companion.say(text);
    const visitor = await visitorInNode(t, program, { port: server.port });
    await visitor.enter(room);
    assert.deepEqual(visitor.shown, ["one", "two", "three"]);
  });

  it("shows nothing twice when a room is joined twice", async (t) => {
    const { visitor, room, companion } = await meet(t);
    const joins = [visitor.chat.join(room), visitor.chat.join(room), visitor.chat.join(unique("room"))];
    await companion.say("one");
    await Promise.all(joins);
    await companion.say("two");
    await visitor.until(() => visitor.shown.length >= 2);
    cutOff(visitor);
    await visitor.until(() => visitor.count("connected") === 2);
    await companion.say("three");
    await visitor.until(() => visitor.shown.length >= 3);
    assert.deepEqual(visitor.shown, ["one", "two", "three"]);
  });

  for (const part of ["join", "history"]) {
    it(`misses nothing of a room when its second join fails at the ${part}`, async (t) => {
      const { visitor, room, companion } = await meet(t);
      const why = unavailable();
      const fail = async () => {
        await companion.say("one");
        await visitor.sockets.at(-1).send({ ping: {} }); // behind it: so it comes while the room is being joined
        throw why;
      };
      if (part === "join") nextTime(visitor.chat.socket, "joinChat", fail);
      else nextTime(visitor.client, "listChannelMessages", fail);
      await assert.rejects(visitor.chat.join(room), (error) => error === why);
      for (const text of ["two", "three", "four"]) await companion.say(text);
      await visitor.until(() => visitor.shown.length >= 4 && visitor.chat.socket);
      await visitor.chat.socket.send({ ping: {} }); // behind whatever else is on its way
      assert.deepEqual(visitor.shown, ["one", "two", "three", "four"]);
    });
  }

  it("leaves nothing behind of a room whose first join fails", async (t) => {
    const { server, visitor, userId } = await meet(t);
    const room = unique("room");
    const companion = await Companion.join(t, server, room);
    const why = unavailable();
    nextTime(visitor.client, "listChannelMessages", async () => {
      assert.equal(await companion.seesJoin(), userId);
      throw why;
    });
    const joins = [visitor.chat.join(room), visitor.chat.join(room)];
    await Promise.all(joins.map((join) => assert.rejects(join, (error) => error === why)));
    assert.equal(await companion.seesLeave(), userId);
    cutOff(visitor);
    await visitor.until(() => visitor.count("connected") === 2);
    await assert.rejects(visitor.chat.send(companion.channel.id, { text: "?" }), { code: 3 });
    await companion.say("one");
    await visitor.chat.socket.send({ ping: {} });
    assert.deepEqual(visitor.shown, []);
    await visitor.chat.join(room);
    await companion.say("two");
    await visitor.until(() => visitor.shown.length >= 2);
    await visitor.chat.socket.send({ ping: {} });
    assert.deepEqual(visitor.shown, ["one", "two"]);
  });

  it("passes on changes of messages that were shown", async (t) => {
    const { visitor, companion } = await meet(t);
    const { message_id } = await companion.say("helo");
    await companion.socket.updateChatMessage(companion.channel.id, message_id, { text: "hello" });
    await visitor.until(() => visitor.shown.length >= 2);
    assert.deepEqual(visitor.shown, ["helo", "changed: hello"]);
  });
});

describe("the connection", limits, () => {
  it("is made anew when the server falls silent, and the old one is closed", async (t) => {
    const { server, visitor, room, userId, companion } = await meet(t, { heartbeatMs: 300 });
    server.freeze();
    await visitor.until(() => visitor.count("waiting") === 1);
    assert.equal(visitor.why, "the server is silent");
    server.thaw();
    await visitor.until(() => visitor.count("connected") === 2);
    assert.equal(await companion.seesLeave(), userId);
    await companion.say("awake");
    await visitor.until(() => visitor.shown.length >= 1);
    await companion.enter(t, server, room);
    assert.deepEqual(await companion.sees(userId), { inRoom: 1, connected: 1 });
    assert.deepEqual(visitor.shown, ["awake"]);
  });

  it("can be ended while it is being made", async (t) => {
    const { server, visitor, userId, companion } = await meet(t, { heartbeatMs: 300 });
    server.freeze();
    await visitor.until(() => visitor.sockets.length === 2); // a handshake that nobody answers
    visitor.chat.disconnect();
    await visitor.until(() => visitor.count("closed") === 1);
    server.thaw();
    assert.equal(await companion.seesLeave(), userId);
    assert.deepEqual(visitor.states, ["connected", "waiting", "closed"]);
  });

  it("comes back without a room that may not be joined any more", async (t) => {
    const { server, visitor, companion, userId } = await meet(t);
    const owner = clientOf(server);
    const group = await owner.createGroup(companion.session, { name: unique("group"), open: true });
    await visitor.client.joinGroup(visitor.chat.session, group.id);
    const channel = await visitor.chat.join(group.id, 3);
    await owner.kickGroupUsers(companion.session, group.id, [userId]);
    cutOff(visitor);
    await visitor.until(() => visitor.count("connected") === 2);
    assert.deepEqual(visitor.states, ["connected", "waiting", "left", "connected"]);
    await assert.rejects(visitor.chat.send(channel.id, { text: "?" }), { code: 3 });
    await companion.say("still here");
    await visitor.until(() => visitor.shown.includes("still here"));
  });

  it("does not come back into a room that was left", async (t) => {
    const { visitor, companion, userId } = await meet(t);
    await visitor.chat.leave(visitor.room.id);
    assert.equal(await companion.seesLeave(), userId);
    cutOff(visitor);
    await visitor.until(() => visitor.count("connected") === 2);
    await assert.rejects(visitor.say("?"), { code: 3 });
  });
});

describe("the session", limits, () => {
  it("is refreshed before it ends", async (t) => {
    const server = await Server.start(t, "--token-expiry", "50s");
    const device = unique("device");
    await clientOf(server).authenticateDevice(device, true);
    const visitor = await visitorInNode(t, program, { port: server.port, device });
    await visitor.enter(unique("room"));
    const { client } = visitor;
    let refreshed = 0;
    client.autoRefreshSession = false; // the client's own doing before REST calls
    client.sessionRefresh = (...session) => {
      refreshed += 1;
      return Object.getPrototypeOf(client).sessionRefresh.apply(client, session);
    };
    cutOff(visitor);
    await visitor.until(() => visitor.count("connected") === 2);
    assert.deepEqual([refreshed, visitor.signIns], [1, 1]);
  });

  it("is a new one when the server knows nothing of the old one", async (t) => {
    const { server, visitor, room } = await meet(t);
    await server.forget();
    await server.start();
    await visitor.until(() => visitor.count("connected") === 2);
    assert.equal(visitor.signIns, 2);
    const companion = await Companion.join(t, server, room);
    await companion.say("a new world");
    await visitor.until(() => visitor.shown.length >= 1);
    assert.deepEqual(visitor.shown, ["a new world"]);
  });

  it("is not asked for again when the sign-in is refused", async (t) => {
    const server = await Server.start(t);
    const visitor = await visitorInNode(t, program, { port: server.port, device: "short" });
    await assert.rejects(visitor.enter("lobby"), /sign-in refused/);
    await visitor.until(() => visitor.why);
    assert.deepEqual(visitor.states, ["closed"]);
    assert.match(visitor.why, /^sign-in refused: .+ \(status 400, code 3\)$/);
  });

  it("is waited for while there is no server yet", async (t) => {
    const server = await Server.start(t);
    await server.stop();
    const visitor = await visitorInNode(t, program, { port: server.port });
    const entered = visitor.enter("lobby");
    await visitor.until(() => visitor.count("waiting") >= 2);
    await server.start();
    await entered;
  });
});

const unavailable = () => new Response('{"code": 14, "message": "unavailable"}', { status: 503 });

/** Has this function called instead of the method, but only once. */
function nextTime(object, method, instead) {
  object[method] = (...args) => {
    delete object[method]; // the class has the method
    return instead(...args);
  };
}

function gate() {
  let open;
  const opened = new Promise((resolve) => { open = resolve; });
  return { open, opened };
}
