// What a game does with the stock SDK: sign in, chat in rooms, read history. Every test makes its own
// users and rooms, so any server will do, and several runs at once.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Session } from "@heroiclabs/nakama-js";
import {
  ROOM,
  assertRefused,
  assertSocketError,
  client,
  newUser,
  open,
  roomOf,
  say,
  texts,
  unique,
  useSSL,
} from "./support.mjs";

const limits = { timeout: 60_000 };

// gRPC codes of REST errors, and the one code chat refusals have on the socket.
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const UNAUTHENTICATED = 16;
const BAD_INPUT = 3;

describe("signing in", limits, () => {
  it("by device id makes an account once", async () => {
    const id = unique("device");
    await assertRefused(client.authenticateDevice(id, false), 404, NOT_FOUND);

    const name = unique("ana");
    const first = await client.authenticateDevice(id, true, name, { client: "test" });
    assert.equal(first.created, true);
    assert.equal(first.username, name);
    assert.deepEqual(first.vars, { client: "test" });
    assert.equal(first.isexpired(Date.now() / 1000), false);
    assert.equal(first.isrefreshexpired(Date.now() / 1000), false);

    const again = await client.authenticateDevice(id, false);
    assert.ok(!again.created);
    assert.equal(again.user_id, first.user_id);
    assert.equal(again.username, name);
  });

  it("by custom id makes an account once", async () => {
    const id = unique("custom");
    await assertRefused(client.authenticateCustom(id, false), 404, NOT_FOUND);
    const first = await client.authenticateCustom(id, true);
    const again = await client.authenticateCustom(id, true);
    assert.equal(first.created, true);
    assert.ok(!again.created);
    assert.equal(again.user_id, first.user_id);
  });

  it("by e-mail needs the password", async () => {
    const email = `${unique("ana")}@example.com`;
    await assertRefused(client.authenticateEmail(email, "correct horse", false), 404, NOT_FOUND);
    const first = await client.authenticateEmail(email, "correct horse", true);
    assert.equal(first.created, true);
    await assertRefused(client.authenticateEmail(email, "wrong horse", true), 401, UNAUTHENTICATED);
    await assertRefused(client.authenticateEmail(email, "short", true), 400, INVALID_ARGUMENT);
    const again = await client.authenticateEmail(email.toUpperCase(), "correct horse", false);
    assert.equal(again.user_id, first.user_id);
    assert.equal((await client.getAccount(again)).email, email);
  });

  it("refuses bad ids and names that are taken", async () => {
    await assertRefused(client.authenticateDevice("short", true), 400, INVALID_ARGUMENT);
    await assertRefused(client.authenticateDevice("", true), 400, INVALID_ARGUMENT);
    const { username } = await newUser();
    const id = unique("device");
    await assertRefused(client.authenticateDevice(id, true, username), 409, ALREADY_EXISTS);
    await assertRefused(client.authenticateDevice(id, false), 404, NOT_FOUND);
  });

  it("lasts by refreshing the session", async () => {
    const session = await client.authenticateDevice(unique("device"), true, undefined, { level: "3" });
    const { user_id, expires_at } = session;
    await client.sessionRefresh(session, session.vars);
    assert.ok(session.expires_at >= expires_at);
    assert.equal(session.user_id, user_id);
    assert.deepEqual(session.vars, { level: "3" });
    assert.equal((await client.getAccount(session)).user.id, user_id);

    const forged = Session.restore(session.token, session.token);
    await assertRefused(client.sessionRefresh(forged), 401, UNAUTHENTICATED);
  });

  it("is needed for REST and for a socket", async () => {
    const session = await newUser();
    const [head, claims] = session.token.split(".");
    const forged = Session.restore(`${head}.${claims}.${"A".repeat(43)}`, session.refresh_token);
    await assertRefused(client.getAccount(forged), 401, UNAUTHENTICATED);
    await assertRefused(client.listChannelMessages(forged, "2...lobby"), 401, UNAUTHENTICATED);
    await assert.rejects(client.createSocket(useSSL).connect(forged, false), (event) => {
      assert.match(event.message, /401/);
      return true;
    });
  });
});

describe("the account", limits, () => {
  it("is read and updated", async () => {
    const session = await newUser();
    const { user, devices, wallet } = await client.getAccount(session);
    assert.equal(user.id, session.user_id);
    assert.equal(user.username, session.username);
    assert.equal(user.lang_tag, "en");
    assert.equal(devices.length, 1);
    assert.equal(wallet, "{}");

    const profile = { display_name: "Añá ☃", avatar_url: "http://a/b.png", location: "Berlin", lang_tag: "de" };
    await client.updateAccount(session, { ...profile, timezone: "Europe/Berlin" });
    const updated = (await client.getAccount(session)).user;
    assert.deepEqual({ ...updated, ...profile, timezone: "Europe/Berlin" }, updated);

    await client.updateAccount(session, { display_name: "" });
    const cleared = (await client.getAccount(session)).user;
    assert.ok(!cleared.display_name);
    assert.equal(cleared.location, "Berlin");

    const other = await newUser();
    const taken = client.updateAccount(session, { username: other.username });
    await assertRefused(taken, 400, INVALID_ARGUMENT);
  });

  it("is found by others, by id and by name", async () => {
    const [a, b] = [await newUser(), await newUser()];
    const { users } = await client.getUsers(a, [b.user_id], [a.username]);
    const found = users.map((user) => user.id).sort();
    assert.deepEqual(found, [a.user_id, b.user_id].sort());
    const nobody = await client.getUsers(a, ["00000000-0000-4000-8000-000000000001"]);
    assert.deepEqual(nobody.users, []);
    await assertRefused(client.getUsers(a, ["garbage"]), 400, INVALID_ARGUMENT);
  });

  it("is gone after its deletion, sockets included", async (t) => {
    const { members: [a, b], channelId } = await roomOf(t, 2);
    await client.deleteAccount(a.session);
    await a.connection.end();
    const { leaves } = await b.connection.presence();
    assert.deepEqual(leaves.map((presence) => presence.user_id), [a.session.user_id]);

    const refused = await client.getAccount(a.session).then(() => assert.fail("still there"), (response) => response);
    assert.ok([401, 404].includes(refused.status), `status ${refused.status}`);
    await assert.rejects(client.listChannelMessages(a.session, channelId, 1));
    await assert.rejects(client.sessionRefresh(a.session));
    await assert.rejects(client.createSocket(useSSL).connect(a.session, false));
    assert.deepEqual((await client.getUsers(b.session, [a.session.user_id])).users, []);
    await b.connection.assertQuiet();
  });
});

describe("logout", limits, () => {
  it("ends this session for REST and closes its socket, and no other", async (t) => {
    const device = unique("device");
    const lost = await client.authenticateDevice(device, true);
    const kept = await client.authenticateDevice(device, false);
    const { room, members: [b] } = await roomOf(t, 1);
    const [phone, desktop] = [await open(t, lost), await open(t, kept)];
    await phone.socket.joinChat(room, ROOM, true, false);
    await b.connection.presence();

    await client.sessionLogout(lost, lost.token, lost.refresh_token);
    await phone.end();
    const { leaves } = await b.connection.presence();
    assert.deepEqual(leaves.map((presence) => presence.user_id), [lost.user_id]);
    await assertRefused(client.getAccount(lost), 401, UNAUTHENTICATED);
    await assertRefused(client.sessionRefresh(lost), 401, UNAUTHENTICATED);
    await assert.rejects(client.createSocket(useSSL).connect(lost, false));

    await desktop.assertQuiet();
    assert.equal((await client.getAccount(kept)).user.id, lost.user_id);
  });

  it("without tokens ends all sessions of the user", async (t) => {
    const device = unique("device");
    const [one, two] = [await client.authenticateDevice(device, true), await client.authenticateDevice(device, true)];
    const sockets = [await open(t, one), await open(t, two)];
    await client.sessionLogout(one);
    for (const connection of sockets) await connection.end();
    for (const session of [one, two]) {
      await assertRefused(client.getAccount(session), 401, UNAUTHENTICATED);
      await assertRefused(client.sessionRefresh(session), 401, UNAUTHENTICATED);
    }
    const back = await client.authenticateDevice(device, false);
    assert.equal((await client.getAccount(back)).user.id, one.user_id);
  });
});

describe("a room", limits, () => {
  it("shows who is there, and tells who comes and goes", async (t) => {
    const room = unique("room");
    const [ana, ben] = [await newUser(), await newUser()];
    const [a, b] = [await open(t, ana), await open(t, ben)];

    const first = await a.socket.joinChat(room, ROOM, true, false);
    assert.equal(first.id, `2...${room}`);
    assert.equal(first.room_name, room);
    assert.deepEqual(first.presences ?? [], []);
    assert.equal(first.self.user_id, ana.user_id);
    assert.equal(first.self.username, ana.username);
    const own = await a.presence();
    assert.equal(own.channel_id, first.id);
    assert.equal(own.room_name, room);
    assert.deepEqual(own.joins, [first.self]);

    const second = await b.socket.joinChat(room, ROOM, true, false);
    assert.deepEqual(second.presences, [first.self]);
    assert.deepEqual((await a.presence()).joins, [second.self]);
    assert.deepEqual((await b.presence()).joins, [second.self]);

    await b.socket.leaveChat(first.id);
    const left = await a.presence();
    assert.deepEqual(left.joins ?? [], []);
    assert.deepEqual(left.leaves, [second.self]);
    await b.assertQuiet();

    await b.socket.joinChat(room, ROOM, true, false);
    await a.presence();
    b.socket.disconnect();
    assert.deepEqual((await a.presence()).leaves, [second.self]);
    await a.assertQuiet();
  });

  it("takes any name of 1 to 64 bytes without control characters", async (t) => {
    const { socket } = await open(t, await newUser());
    for (const name of ["x", "two words", "a/b%2F", "..dots..", "☃".repeat(21), "y".repeat(64)]) {
      assert.equal((await socket.joinChat(name, ROOM, false, true)).id, `2...${name}`);
    }
  });

  it("carries a message to everybody, and an ack to its sender", async (t) => {
    const { room, channelId, members: [a, b] } = await roomOf(t, 2);
    const content = { text: "hello ☃ \u{1f600} \"quoted\" \\ \n", list: [1, 2.5, null, { deep: true }] };
    const ack = await a.socket.writeChatMessage(channelId, content);
    assert.equal(ack.channel_id, channelId);
    assert.equal(ack.room_name, room);
    assert.equal(ack.code ?? 0, 0);
    assert.equal(ack.username, a.session.username);
    assert.equal(ack.persistent, true);
    // Texts in JSON, dates in protobuf.
    assert.deepEqual(ack.create_time, ack.update_time);
    assert.ok(Math.abs(new Date(ack.create_time) - Date.now()) < 60_000, ack.create_time);

    for (const { connection } of [a, b]) {
      const message = await connection.message();
      assert.deepEqual(message.content, content);
      assert.equal(message.sender_id, a.session.user_id);
      for (const field of ["channel_id", "message_id", "code", "username", "create_time", "update_time", "persistent", "room_name"]) {
        assert.deepEqual(message[field], ack[field], field);
      }
      await connection.assertQuiet();
    }
    const { messages: [stored, ...more] } = await client.listChannelMessages(b.session, channelId, 10);
    assert.deepEqual(more, []);
    assert.equal(stored.message_id, ack.message_id);
    assert.deepEqual(stored.content, content);
    assert.equal(stored.sender_id, a.session.user_id);
    assert.equal(stored.username, a.session.username);
  });

  it("shows everybody one order, the order of history", async (t) => {
    const each = 40;
    const { channelId, members } = await roomOf(t, 3);
    const sends = [];
    for (let i = 0; i < each; i++) {
      for (const [m, { socket }] of members.entries()) sends.push(say(socket, channelId, `${m}:${i}`));
    }
    const acks = await Promise.all(sends);
    assert.equal(new Set(acks.map((ack) => ack.message_id)).size, sends.length);

    const seen = [];
    for (const { connection } of members) {
      const messages = [];
      for (let i = 0; i < sends.length; i++) messages.push(await connection.message());
      await connection.assertQuiet();
      seen.push(texts(messages));
    }
    assert.deepEqual(seen[1], seen[0]);
    assert.deepEqual(seen[2], seen[0]);
    for (const m of members.keys()) {
      const own = seen[0].filter((text) => text.startsWith(`${m}:`));
      assert.deepEqual(own, Array.from({ length: each }, (_, i) => `${m}:${i}`));
    }
    const first = await client.listChannelMessages(members[0].session, channelId, 100, true);
    const rest = await client.listChannelMessages(members[0].session, channelId, 100, true, first.next_cursor);
    assert.deepEqual(texts([...first.messages, ...rest.messages]), seen[0]);
  });

  it("announces an update, and keeps it in its place", async (t) => {
    const { channelId, members: [a, b] } = await roomOf(t, 2);
    const sent = await say(a.socket, channelId, "first");
    await say(a.socket, channelId, "second");
    await b.connection.message();
    await b.connection.message();

    const ack = await a.socket.updateChatMessage(channelId, sent.message_id, { text: "better" });
    assert.equal(ack.message_id, sent.message_id);
    assert.equal(ack.code, 1);
    const update = await b.connection.message();
    assert.equal(update.message_id, sent.message_id);
    assert.equal(update.code, 1);
    assert.deepEqual(update.content, { text: "better" });
    assert.equal(Date.parse(update.create_time), Date.parse(sent.create_time));
    assert.ok(Date.parse(update.update_time) >= Date.parse(update.create_time));

    const { messages } = await client.listChannelMessages(b.session, channelId, 10);
    assert.deepEqual(texts(messages), ["better", "second"]);
    assert.equal(messages[0].message_id, sent.message_id);

    await assertSocketError(b.socket.updateChatMessage(channelId, sent.message_id, { text: "forged" }), BAD_INPUT);
    await a.connection.settled();
    await b.connection.assertQuiet();
  });

  it("announces a removal, and takes it out of history", async (t) => {
    const { channelId, members: [a, b] } = await roomOf(t, 2);
    const sent = await say(a.socket, channelId, "first");
    await say(a.socket, channelId, "second");
    await b.connection.message();
    await b.connection.message();

    await assertSocketError(b.socket.removeChatMessage(channelId, sent.message_id), BAD_INPUT);
    const ack = await a.socket.removeChatMessage(channelId, sent.message_id);
    assert.equal(ack.message_id, sent.message_id);
    assert.equal(ack.code, 2);
    const removal = await b.connection.message();
    assert.equal(removal.message_id, sent.message_id);
    assert.equal(removal.code, 2);
    assert.deepEqual(removal.content, {});

    const { messages } = await client.listChannelMessages(b.session, channelId, 10);
    assert.deepEqual(texts(messages), ["second"]);
    await assertSocketError(a.socket.removeChatMessage(channelId, sent.message_id), BAD_INPUT);
    await assertSocketError(a.socket.updateChatMessage(channelId, sent.message_id, { text: "back" }), BAD_INPUT);
    await b.connection.assertQuiet();
  });

  it("hides who asks for it", async (t) => {
    const { room, channelId, members: [a] } = await roomOf(t, 1);
    const spy = await open(t, await newUser());
    const { presences } = await spy.socket.joinChat(room, ROOM, true, true);
    assert.deepEqual(presences.map((presence) => presence.user_id), [a.session.user_id]);

    const late = await open(t, await newUser());
    const seen = (await late.socket.joinChat(room, ROOM, true, false)).presences;
    assert.deepEqual(seen.map((presence) => presence.user_id), [a.session.user_id]);
    assert.equal((await spy.presence()).joins.length, 1);
    assert.equal((await a.connection.presence()).joins.length, 1);

    await say(a.socket, channelId, "to all");
    assert.equal((await spy.message()).content.text, "to all");
    await say(spy.socket, channelId, "from nowhere");
    await a.connection.message();
    assert.equal((await a.connection.message()).content.text, "from nowhere");

    await spy.socket.leaveChat(channelId);
    await a.connection.assertQuiet();
  });

  it("tells nothing to who has left", async (t) => {
    const { channelId, members: [a, b] } = await roomOf(t, 2);
    await a.socket.leaveChat(channelId);
    await b.connection.presence();
    await say(b.socket, channelId, "alone");
    await a.connection.assertQuiet();
    await a.socket.leaveChat(channelId); // no error
    await assertSocketError(say(a.socket, channelId, "from outside"), BAD_INPUT);
  });

  it("delivers but does not keep what is sent without persistence", async (t) => {
    const { room, channelId, members: [a] } = await roomOf(t, 1);
    const { socket } = await open(t, await newUser());
    await socket.joinChat(room, ROOM, false, false);
    const ack = await say(socket, channelId, "passing");
    assert.equal(ack.persistent, false);
    const message = await a.connection.message();
    assert.equal(message.content.text, "passing");
    assert.equal(message.persistent, false);
    await say(a.socket, channelId, "kept");
    const { messages } = await client.listChannelMessages(a.session, channelId, 10);
    assert.deepEqual(texts(messages), ["kept"]);
  });

  it("counts two sessions of a user apart", async (t) => {
    const { room, channelId, members: [b] } = await roomOf(t, 1);
    const ana = await newUser();
    const [phone, desktop] = [await open(t, ana), await open(t, ana)];
    const one = await phone.socket.joinChat(room, ROOM, true, false);
    const two = await desktop.socket.joinChat(room, ROOM, true, false);
    assert.equal(one.self.user_id, two.self.user_id);
    assert.notEqual(one.self.session_id, two.self.session_id);
    const others = two.presences.map((presence) => presence.session_id).sort();
    assert.deepEqual(others, [b.channel.self.session_id, one.self.session_id].sort());
    assert.deepEqual((await b.connection.presence()).joins, [one.self]);
    assert.deepEqual((await b.connection.presence()).joins, [two.self]);

    const ack = await say(phone.socket, channelId, "from the phone");
    assert.equal((await phone.message()).message_id, ack.message_id);
    assert.equal((await desktop.message()).message_id, ack.message_id);

    phone.socket.disconnect();
    assert.deepEqual((await b.connection.presence()).leaves, [one.self]);
    const still = await say(desktop.socket, channelId, "from the desktop");
    assert.equal((await desktop.message()).message_id, still.message_id);
  });
});

describe("errors", limits, () => {
  it("of a join are told, and the connection stays", async (t) => {
    const connection = await open(t, await newUser());
    const { socket } = connection;
    for (const target of ["", "x".repeat(65), "line\nbreak", "nul\0"]) {
      await assertSocketError(socket.joinChat(target, ROOM, true, false), BAD_INPUT);
    }
    await assertSocketError(socket.joinChat("room", 99, true, false), BAD_INPUT);
    await connection.assertQuiet();
    await socket.joinChat(unique("room"), ROOM, true, false);
  });

  it("of a message are told, and the connection stays", async (t) => {
    const { channelId, members: [a] } = await roomOf(t, 1);
    const unknown = "00000000-0000-4000-8000-000000000001";
    const refused = [
      () => say(a.socket, `2...${unique("elsewhere")}`, "not joined"),
      () => say(a.socket, "garbage", "no channel"),
      () => a.socket.writeChatMessage(channelId, "a string"),
      () => a.socket.writeChatMessage(channelId, ["a list"]),
      () => a.socket.updateChatMessage(channelId, unknown, { text: "nothing there" }),
      () => a.socket.updateChatMessage(channelId, "garbage", { text: "no id" }),
      () => a.socket.removeChatMessage(channelId, unknown),
      () => a.socket.leaveChat("garbage"),
    ];
    for (const request of refused) await assertSocketError(request(), BAD_INPUT);
    await a.connection.assertQuiet();
    await say(a.socket, channelId, "still here");
    assert.equal((await a.connection.message()).content.text, "still here");
    const { messages } = await client.listChannelMessages(a.session, channelId, 10);
    assert.deepEqual(texts(messages), ["still here"]);
  });

  it("of history are told", async () => {
    const session = await newUser();
    await assertRefused(client.listChannelMessages(session, "garbage", 10), 400, INVALID_ARGUMENT);
    await assertRefused(client.listChannelMessages(session, "2...room", 101), 400, INVALID_ARGUMENT);
    await assertRefused(client.listChannelMessages(session, "2...room", 10, true, "garbage"), 400, INVALID_ARGUMENT);
  });
});

describe("history", limits, () => {
  /** A room with messages "0" to "n - 1". */
  async function roomWith(t, n) {
    const { channelId, members: [a] } = await roomOf(t, 1);
    for (let i = 0; i < n; i++) await say(a.socket, channelId, String(i));
    const page = (limit, forward, cursor) => client.listChannelMessages(a.session, channelId, limit, forward, cursor);
    return { ...a, channelId, page };
  }

  it("of an unused room is empty", async () => {
    const page = await client.listChannelMessages(await newUser(), `2...${unique("unused")}`, 10);
    assert.deepEqual(page.messages, []);
    assert.ok(!page.next_cursor);
    assert.ok(!page.prev_cursor);
  });

  it("is walked from the oldest message, and back", async (t) => {
    const { page } = await roomWith(t, 5);
    const first = await page(2, true);
    assert.deepEqual(texts(first.messages), ["0", "1"]);
    assert.ok(!first.prev_cursor);
    const second = await page(2, true, first.next_cursor);
    assert.deepEqual(texts(second.messages), ["2", "3"]);
    const third = await page(2, true, second.next_cursor);
    assert.deepEqual(texts(third.messages), ["4"]);
    assert.ok(!third.next_cursor);
    const back = await page(2, true, third.prev_cursor);
    assert.deepEqual(texts(back.messages), ["2", "3"]);
    assert.deepEqual(texts((await page(2, true, back.prev_cursor)).messages), ["0", "1"]);
  });

  it("is walked from the newest message, and back", async (t) => {
    const { page } = await roomWith(t, 5);
    const first = await page(2, false);
    assert.deepEqual(texts(first.messages), ["4", "3"]);
    const second = await page(2, false, first.next_cursor);
    assert.deepEqual(texts(second.messages), ["2", "1"]);
    const third = await page(2, false, second.next_cursor);
    assert.deepEqual(texts(third.messages), ["0"]);
    assert.ok(!third.next_cursor);
    const back = await page(2, false, third.prev_cursor);
    assert.deepEqual(texts(back.messages), ["2", "1"]);
  });

  it("is continued from a cacheable cursor", async (t) => {
    const { page, socket, channelId } = await roomWith(t, 3);
    const { cacheable_cursor } = await page(10, true);
    const nothing = await page(10, true, cacheable_cursor);
    assert.deepEqual(nothing.messages, []);
    await say(socket, channelId, "3");
    await say(socket, channelId, "4");
    assert.deepEqual(texts((await page(10, true, cacheable_cursor)).messages), ["3", "4"]);
    assert.deepEqual(texts((await page(10, true, nothing.cacheable_cursor)).messages), ["3", "4"]);

    const newest = await page(2, false);
    assert.deepEqual(texts(newest.messages), ["4", "3"]);
    const behind = await page(10, true, newest.cacheable_cursor);
    assert.deepEqual(texts(behind.messages), ["4"]);
  });

  it("keeps its cursors to one channel and direction", async (t) => {
    const { page, session } = await roomWith(t, 3);
    const { next_cursor } = await page(1, true);
    await assertRefused(page(1, false, next_cursor), 400, INVALID_ARGUMENT);
    const elsewhere = client.listChannelMessages(session, `2...${unique("other")}`, 1, true, next_cursor);
    await assertRefused(elsewhere, 400, INVALID_ARGUMENT);
  });

  it("is read by anyone with a session, joined or not", async (t) => {
    const { channelId } = await roomWith(t, 2);
    const { messages } = await client.listChannelMessages(await newUser(), channelId, 10);
    assert.deepEqual(texts(messages), ["0", "1"]);
  });

  it("holds what was missed between two connections", async (t) => {
    const { room, channelId, members: [a, b] } = await roomOf(t, 2);
    await say(a.socket, channelId, "seen");
    const { cacheable_cursor } = await client.listChannelMessages(b.session, channelId, 100, true);
    b.socket.disconnect();
    assert.equal((await a.connection.presence()).leaves.length, 1);
    await say(a.socket, channelId, "missed");
    await say(a.socket, channelId, "missed too");

    const again = await open(t, b.session);
    const { self } = await again.socket.joinChat(room, ROOM, true, false);
    assert.notEqual(self.session_id, b.channel.self.session_id);
    const { messages } = await client.listChannelMessages(b.session, channelId, 100, true, cacheable_cursor);
    assert.deepEqual(texts(messages), ["missed", "missed too"]);
    await say(a.socket, channelId, "live");
    assert.equal((await again.message()).content.text, "live");
  });
});
