// What Nakama's guide to realtime chat tells people to do, and what they copy: envelopes given to `send` as they are
// (from before the SDK had calls for them), a list of who is online, pages of history, and curl. Every test makes its
// own users and channels, so any server will do, and several runs at once.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import {
  DIRECT,
  GROUP,
  ROOM,
  assertRefused,
  assertSocketError,
  client,
  directId,
  newUser,
  open,
  openDirect,
  people,
  person,
  roomOf,
  say,
  texts,
  unique,
} from "./support.mjs";

const { BANTER_URL } = process.env;

const limits = { timeout: 60_000 };

// gRPC codes of REST errors, and the one code chat refusals have on the socket.
const INVALID_ARGUMENT = 3;
const UNAUTHENTICATED = 16;
const BAD_INPUT = 3;

// Codes of event messages, and of notifications.
const JOINED = 3;
const CHAT_REQUEST = -1;

/** Joins a channel with the envelope of the guide. */
async function join({ socket }, type, target, flags = {}) {
  const { channel } = await socket.send({
    channel_join: { type, target, persistence: true, hidden: false, ...flags },
  });
  return channel;
}

/** Sends with the envelope of the guide. Its content is an object, of which the SDK makes the text that is sent. */
async function send({ socket }, channel_id, content) {
  const answer = await socket.send({ channel_message_send: { channel_id, content } });
  return answer.channel_message_ack;
}

/** Everybody hears one more message, with this content. */
async function assertHeard(people, ack, content) {
  for (const { connection } of people) {
    const message = await connection.message();
    assert.equal(message.message_id, ack.message_id);
    assert.deepEqual(message.content, content);
  }
}

/** All pages of a channel's history, each an array of messages, from cursor to cursor. */
async function pages(session, channelId, limit, forward) {
  const all = [];
  let cursor;
  do {
    const page = await client.listChannelMessages(session, channelId, limit, forward, cursor);
    all.push(page.messages);
    cursor = page.next_cursor;
  } while (cursor);
  return all;
}

describe("an envelope given to the SDK as it is", limits, () => {
  it("joins a room, where an object is content", async (t) => {
    const [ana, ben] = await people(t, 2);
    const room = unique("room");
    const channel = await join(ana, ROOM, room);
    assert.equal(channel.id, `2...${room}`);
    assert.equal(channel.room_name, room);
    assert.equal(channel.self.user_id, ana.id);
    assert.equal((await join(ben, ROOM, room)).id, channel.id);

    const content = { some: "data", nested: { list: [1, "☃", null] } };
    const ack = await send(ana, channel.id, content);
    assert.equal(ack.channel_id, channel.id);
    assert.equal(ack.username, ana.name);
    assert.ok(Math.abs(new Date(ack.create_time) - Date.now()) < 60_000, ack.create_time);
    await assertHeard([ana, ben], ack, content);
    const { messages } = await client.listChannelMessages(ben.session, channel.id, 10);
    assert.deepEqual(messages.map((message) => message.content), [content]);
  });

  it("joins the channel of a group, for members only", async (t) => {
    const [ana, ben, stranger] = await people(t, 3);
    const group = await client.createGroup(ana.session, { name: unique("group"), open: true });
    await client.joinGroup(ben.session, group.id);
    const channel = await join(ana, GROUP, group.id);
    assert.equal(channel.id, `3.${group.id}..`);
    assert.equal(channel.group_id, group.id);
    await join(ben, GROUP, group.id);
    await assertSocketError(join(stranger, GROUP, group.id), BAD_INPUT);

    const ack = await send(ben, channel.id, { text: "hello" });
    await assertHeard([ana, ben], ack, { text: "hello" });
    const { messages } = await client.listChannelMessages(ana.session, channel.id, 10);
    assert.deepEqual(messages.map(({ code }) => code), [JOINED, 0]);

    await client.leaveGroup(ben.session, group.id);
    await assertSocketError(send(ben, channel.id, { text: "from outside" }), BAD_INPUT);
    await assertRefused(client.listChannelMessages(ben.session, channel.id, 10), 400, INVALID_ARGUMENT);
  });

  it("joins a direct channel, where nobody hears what is said before they come", async (t) => {
    const [ana, ben] = await people(t, 2);
    const channel = await join(ana, DIRECT, ben.id);
    assert.equal(channel.id, directId(ana, ben));
    assert.equal((await ben.connection.notification()).code, CHAT_REQUEST);
    await assertHeard([ana], await send(ana, channel.id, { text: "early" }), { text: "early" });
    await ben.connection.assertQuiet();

    assert.equal((await join(ben, DIRECT, ana.id)).id, channel.id);
    await assertHeard([ana, ben], await send(ben, channel.id, { text: "late" }), { text: "late" });
    const { messages } = await client.listChannelMessages(ben.session, channel.id, 10);
    assert.deepEqual(texts(messages), ["early", "late"]);

    await client.blockFriends(ben.session, [ana.id]);
    await assertSocketError(join(ana, DIRECT, ben.id), BAD_INPUT);
  });

  it("leaves a channel, whose messages come no more and stay in the history", async (t) => {
    const [ana, ben] = await people(t, 2);
    const room = unique("room");
    const { id } = await join(ana, ROOM, room);
    const { self } = await join(ben, ROOM, room);
    const answer = await ben.socket.send({ channel_leave: { channel_id: id } });
    assert.deepEqual(Object.keys(answer).filter((key) => answer[key] !== undefined), ["cid"]);
    await ana.connection.left(self);

    await send(ana, id, { text: "missed" });
    await ben.connection.settled();
    assert.deepEqual(ben.connection.messages.waiting, []);
    await assertSocketError(send(ben, id, { text: "from outside" }), BAD_INPUT);
    const { messages } = await client.listChannelMessages(ben.session, id, 10);
    assert.deepEqual(texts(messages), ["missed"]);
  });

  it("says whether messages are kept and whether its session is shown", async (t) => {
    const [ana, ben] = await people(t, 2);
    const room = unique("room");
    const { id } = await join(ana, ROOM, room, { persistence: false });
    await ana.connection.presence();
    await join(ben, ROOM, room, { hidden: true });
    await assertHeard([ana, ben], await send(ana, id, { text: "passing" }), { text: "passing" });
    await assertHeard([ana, ben], await send(ben, id, { text: "kept" }), { text: "kept" });
    await ana.connection.assertQuiet();
    const { messages } = await client.listChannelMessages(ana.session, id, 10);
    assert.deepEqual(texts(messages), ["kept"]);
  });

  it("is refused with a reason when its content is a text, as it is in other languages", async (t) => {
    const { channelId, members: [ana] } = await roomOf(t, 1);
    // The SDK makes a text of this text once more, and that is no object.
    await assertSocketError(send(ana, channelId, JSON.stringify({ some: "data" })), BAD_INPUT);
    await ana.connection.assertQuiet();
  });
});

describe("content that is an object on the wire, too", limits, () => {
  it("ends the connection with an error, as with Nakama", async (t) => {
    const { channelId, members: [ana] } = await roomOf(t, 1);
    const url = new URL(`/ws?token=${ana.session.token}`, BANTER_URL.replace("http", "ws"));
    const socket = new WebSocket(url);
    t.after(() => socket.terminate());
    const told = [];
    const ended = new Promise((resolve, reject) => {
      socket.onerror = reject;
      socket.onmessage = ({ data }) => told.push(JSON.parse(data));
      socket.onclose = resolve;
    });
    socket.onopen = () => socket.send(JSON.stringify({
      cid: "1", channel_message_send: { channel_id: channelId, content: { some: "data" } },
    }));
    const { code, reason } = await ended;
    assert.equal(code, 1000);
    assert.match(reason, /./);
    assert.match(told[0].error.message, /content/);
    await ana.connection.assertQuiet();
  });
});

describe("a list of who is online", limits, () => {
  /** What the guide does with presences: those of the channel, and from then on joins and leaves, without oneself. */
  class Online {
    #sessions = new Map();

    constructor({ connection }, { self, presences }) {
      this.connection = connection;
      this.self = self;
      this.add(presences);
    }

    add(presences) {
      for (const presence of presences ?? []) {
        if (presence.session_id !== this.self.session_id) this.#sessions.set(presence.session_id, presence);
      }
    }

    /** Takes events until the list shows these sessions. */
    async becomes(expected) {
      const wanted = expected.map(({ session_id }) => session_id).sort();
      for (;;) {
        const shown = [...this.#sessions.keys()].sort();
        if (shown.join() === wanted.join()) return;
        const { joins, leaves } = await this.connection.presence();
        for (const { session_id } of leaves ?? []) this.#sessions.delete(session_id);
        this.add(joins);
      }
    }
  }

  it("starts with the answer to a join and follows the events", async (t) => {
    const room = unique("room");
    const everybody = await people(t, 4);
    const lists = [];
    for (const someone of everybody) lists.push(new Online(someone, await join(someone, ROOM, room)));
    const selves = lists.map(({ self }) => self);
    for (const list of lists) await list.becomes(selves.filter((self) => self !== list.self));

    // A second session of a user counts by itself, and so do its leave and the end of a connection.
    const [ana, ben, cleo] = everybody;
    const second = { connection: await open(t, ana.session) };
    second.socket = second.connection.socket;
    const desktop = new Online(second, await join(second, ROOM, room));
    assert.equal(desktop.self.user_id, ana.id);
    await desktop.becomes(selves);
    await lists[1].becomes([selves[0], selves[2], selves[3], desktop.self]);

    await ben.socket.send({ channel_leave: { channel_id: `2...${room}` } });
    cleo.socket.disconnect(false);
    await lists[0].becomes([selves[3], desktop.self]);
    await desktop.becomes([selves[0], selves[3]]);
  });
});

describe("the history of a channel", limits, () => {
  it("is read page by page until the cursor ends, in both directions", async (t) => {
    const { channelId, members: [{ socket, session }] } = await roomOf(t, 1);
    const said = Array.from({ length: 23 }, (_, n) => String(n));
    for (const text of said) await say(socket, channelId, text);
    for (const [forward, expected] of [[true, said], [false, [...said].reverse()]]) {
      const all = await pages(session, channelId, 10, forward);
      assert.deepEqual(all.map((page) => page.length), [10, 10, 3]);
      assert.deepEqual(texts(all.flat()), expected);
    }
    // A page that takes all there is has no cursor.
    assert.equal((await pages(session, channelId, 23, true)).length, 1);
  });

  it("shows the newest hundred messages, and the older ones when one scrolls", async (t) => {
    const { channelId, members: [{ socket, session }] } = await roomOf(t, 1);
    const said = Array.from({ length: 105 }, (_, n) => String(n));
    await Promise.all(said.map((text) => say(socket, channelId, text)));
    const [newest, older, ...more] = await pages(session, channelId, 100, false);
    assert.deepEqual(texts(newest), said.slice(5).reverse());
    assert.deepEqual(texts(older), said.slice(0, 5).reverse());
    assert.deepEqual(more, []);
  });

  it("is open to somebody who has not joined, and shows them to nobody", async (t) => {
    const { channelId, members: [ana] } = await roomOf(t, 1);
    await say(ana.socket, channelId, "hello");
    await ana.connection.message();
    const { messages } = await client.listChannelMessages(await newUser(), channelId, 10);
    assert.deepEqual(texts(messages), ["hello"]);
    await ana.connection.assertQuiet();
  });
});

describe("chat requests", limits, () => {
  it("come as notifications, wait in the list and are taken off it", async (t) => {
    const ana = await person(t);
    const asking = await people(t, 3);
    for (const other of asking) {
      await join(other, DIRECT, ana.id);
      const { code, sender_id, content, subject } = await ana.connection.notification();
      assert.equal(code, CHAT_REQUEST);
      assert.equal(sender_id, other.id);
      assert.equal(content.username, other.name);
      assert.match(subject, /./);
    }

    const kept = [];
    let cursor;
    for (;;) {
      const page = await client.listNotifications(ana.session, 2, cursor);
      if (!page.notifications?.length) break;
      kept.push(...page.notifications);
      cursor = page.cacheable_cursor;
    }
    assert.deepEqual(kept.map(({ sender_id }) => sender_id), asking.map(({ id }) => id));
    assert.deepEqual(kept.map(({ content }) => content.username), asking.map(({ name }) => name));
    await client.deleteNotifications(ana.session, kept.map(({ id }) => id));
    assert.deepEqual((await client.listNotifications(ana.session, 100)).notifications ?? [], []);
  });
});

describe("curl", limits, () => {
  const start = promisify(execFile);

  /** Status, text and JSON of an answer. The header is written as in the guide. */
  async function curl(path, token) {
    const header = token === undefined ? [] : ["-H", `authorization: Bearer ${token}`];
    const statusToo = ["-s", "-S", "--max-time", "5", "-w", "\n%{http_code}"];
    const { stdout } = await start("curl", [...statusToo, ...header, new URL(path, BANTER_URL).href]);
    const [, text, status] = stdout.match(/^(.*)\n(\d+)$/s);
    return { status: Number(status), text, body: JSON.parse(text) };
  }

  /** The answer for a channel, which has to be the same whether the path names it or the query. */
  async function page(session, channelId, query = "") {
    const id = encodeURIComponent(channelId);
    const inQuery = await curl(`/v2/channel?channel_id=${id}&${query}`, session.token);
    const inPath = await curl(`/v2/channel/${id}?${query}`, session.token);
    assert.deepEqual(inQuery, inPath);
    assert.equal(inQuery.status, 200, inQuery.text);
    return inQuery.body;
  }

  const said = ({ messages }) => messages.map(({ content }) => JSON.parse(content).text);

  it("reads the history of a channel that the query names", async (t) => {
    const { channelId, members: [{ socket, session }] } = await roomOf(t, 1);
    for (const text of ["first", "second"]) await say(socket, channelId, text);
    // As it stands in the guide, unescaped; a page is one message unless a limit is given.
    const { status, body } = await curl(`/v2/channel?channel_id=${channelId}`, session.token);
    assert.equal(status, 200);
    assert.deepEqual(said(body), ["first"]);
    assert.deepEqual(await page(session, channelId), body);
    assert.deepEqual((await curl(`/v2/channel?channelId=${channelId}`, session.token)).body, body);
    assert.deepEqual(said(await page(session, channelId, "limit=10")), ["first", "second"]);
    assert.deepEqual(said(await page(session, channelId, "limit=10&forward=false")), ["second", "first"]);
    assert.deepEqual(await page(session, `2...${unique("unused")}`), {});
  });

  it("goes on from a cursor, unescaped, until there is none", async (t) => {
    const { channelId, members: [{ socket, session }] } = await roomOf(t, 1);
    const texts = Array.from({ length: 23 }, (_, n) => String(n));
    for (const text of texts) await say(socket, channelId, text);
    const [read, sizes] = [[], []];
    let cursor = ""; // counts as none
    do {
      const path = `/v2/channel?channel_id=${channelId}&forward=true&limit=10&cursor=${cursor}`;
      const { status, text, body } = await curl(path, session.token);
      assert.equal(status, 200, text);
      assert.deepEqual(await page(session, channelId, `forward=true&limit=10&cursor=${cursor}`), body);
      read.push(...said(body));
      sizes.push(body.messages.length);
      cursor = body.next_cursor;
    } while (cursor);
    assert.deepEqual(sizes, [10, 10, 3]);
    assert.deepEqual(read, texts);
  });

  it("takes a cursor from the SDK, and the other way round", async (t) => {
    const { channelId, members: [{ socket, session }] } = await roomOf(t, 1);
    for (const text of ["first", "second", "third"]) await say(socket, channelId, text);
    const first = await client.listChannelMessages(session, channelId, 1, true);
    const second = await page(session, channelId, `limit=1&cursor=${encodeURIComponent(first.next_cursor)}`);
    assert.deepEqual(said(second), ["second"]);
    const third = await client.listChannelMessages(session, channelId, 1, true, second.next_cursor);
    assert.deepEqual(third.messages.map(({ content }) => content.text), ["third"]);
  });

  it("reads the channels of groups and of two users, and rooms with names to be escaped", async (t) => {
    const [ana, ben, stranger] = await people(t, 3);
    const group = await client.createGroup(ana.session, { name: unique("group") });
    const channels = [
      await join(ana, GROUP, group.id),
      await openDirect(ana, ben),
      await join(ana, ROOM, `a b+c&d=e/f%20#☃?${unique("").slice(0, 30)}`),
    ];
    for (const { id } of channels) {
      await send(ana, id, { text: id });
      assert.deepEqual(said(await page(ana.session, id, "limit=10")), [id]);
    }
    assert.deepEqual(said(await page(ben.session, channels[1].id)), [channels[1].id]);
    for (const { id } of channels.slice(0, 2)) {
      const { status, body } = await curl(`/v2/channel?channel_id=${id}`, stranger.session.token);
      assert.deepEqual([status, body.code], [400, INVALID_ARGUMENT]);
    }
  });

  it("is told what is wrong", async (t) => {
    const { channelId, members: [{ session }] } = await roomOf(t, 1);
    const missing = await curl("/v2/channel", session.token);
    assert.deepEqual([missing.status, missing.body.code], [404, 5]);   // as an unknown path
    assert.match(missing.body.message, /channel_id/);
    for (const query of [
      "channel_id=",
      "channel_id=garbage",
      `channel_id=${channelId}&limit=0`,
      `channel_id=${channelId}&limit=101`,
      `channel_id=${channelId}&limit=`,
      `channel_id=${channelId}&forward=maybe`,
      `channel_id=${channelId}&cursor=garbage`,
    ]) {
      const { status, body } = await curl(`/v2/channel?${query}`, session.token);
      assert.deepEqual([status, body.code], [400, INVALID_ARGUMENT], query);
      assert.match(body.message, /./, query);
    }
    for (const token of [undefined, "", "no.good.token"]) {
      const { status, body } = await curl(`/v2/channel?channel_id=${channelId}`, token);
      assert.deepEqual([status, body.code], [401, UNAUTHENTICATED], String(token));
      assert.match(body.message, /./);
    }
  });
});
