// What a game does with the stock SDK in direct channels: ask somebody, answer or decline, talk, block. Every
// test makes its own users, so any server will do, and several runs at once.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
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
  rest,
  sendsAdditions,
  say,
  texts,
  unique,
} from "./support.mjs";

const limits = { timeout: 60_000 };

// The code REST refusals of bad input have, and chat refusals on the socket.
const BAD_INPUT = 3;

// Codes of notifications. The second is banter's own: the SDK shows it like any other.
const CHAT_REQUEST = -1;
const CHAT_DECLINED = 10_000;

/** Both people in their direct channel, all joins announced and forgotten, as is the request. */
async function talking(t) {
  const [ana, ben] = await people(t, 2);
  const channels = [await openDirect(ana, ben), await openDirect(ben, ana)];
  await ben.connection.notification();
  for (const joins of [2, 1]) {
    const { connection } = joins === 2 ? ana : ben;
    for (let n = 0; n < joins; n++) await connection.presence();
  }
  return { ana, ben, channelId: channels[0].id, channels };
}

/** Leaves the channel and opens it anew. */
async function reopen(one, other) {
  await one.socket.leaveChat(directId(one, other));
  await openDirect(one, other);
  await one.connection.presence();
}

/** The next notification asks for a chat with somebody. */
async function assertAsked({ connection }, asking) {
  const request = await connection.notification();
  assert.equal(request.code, CHAT_REQUEST);
  assert.equal(request.sender_id, asking.id);
  assert.equal(request.content.username, asking.name);
  assert.equal(request.persistent, true);
  assert.match(request.subject, /./);
  return request;
}

/** The next notification says that a request was declined. */
async function assertDeclined({ connection }, channelId, declining) {
  const declined = await connection.notification();
  assert.equal(declined.code, CHAT_DECLINED);
  assert.equal(declined.sender_id, declining.id);
  assert.deepEqual(declined.content, { channel_id: channelId, username: declining.name });
  assert.ok(!declined.persistent);
  assert.match(declined.subject, /./);
}

const listed = async ({ session }) => (await client.listNotifications(session, 100)).notifications;

describe("a direct channel", limits, () => {
  it("is asked for, and both talk and read what was said", async (t) => {
    const [ana, ben] = await people(t, 2);
    const channelId = directId(ana, ben);
    const first = await openDirect(ana, ben);
    assert.equal(first.id, channelId);
    assert.deepEqual([first.user_id_one, first.user_id_two], [ana.id, ben.id].sort());
    assert.deepEqual((await ana.connection.presence()).joins, [first.self]);
    const request = await assertAsked(ben, ana);
    assert.deepEqual((await listed(ben)).map(({ id }) => id), [request.id]);

    const second = await openDirect(ben, ana);
    assert.equal(second.id, channelId);
    assert.deepEqual(second.presences, [first.self]);
    for (const { connection } of [ana, ben]) {
      const event = await connection.presence();
      assert.deepEqual(event.joins, [second.self]);
      assert.deepEqual([event.user_id_one, event.user_id_two], [ana.id, ben.id].sort());
    }

    for (const [speaking, text] of [[ana, "hello"], [ben, "☃"]]) {
      const ack = await say(speaking.socket, channelId, text);
      for (const { connection } of [ana, ben]) {
        const message = await connection.message();
        assert.equal(message.channel_id, channelId);
        assert.equal(message.message_id, ack.message_id);
        assert.equal(message.sender_id, speaking.id);
        assert.deepEqual([message.user_id_one, message.user_id_two], [ana.id, ben.id].sort());
        assert.deepEqual(message.content, { text });
      }
    }
    for (const { connection, session } of [ana, ben]) {
      const { messages } = await client.listChannelMessages(session, channelId, 10);
      assert.deepEqual(texts(messages), ["hello", "☃"]);
      await connection.assertQuiet();
    }
    assert.deepEqual(await listed(ana), [], "nobody has asked her");
  });

  it("keeps everybody else out", async (t) => {
    const { ana, ben, channelId } = await talking(t);
    const cleo = await person(t);
    await say(ana.socket, channelId, "secret");
    await assertRefused(client.listChannelMessages(cleo.session, channelId, 10), 400, BAD_INPUT);
    await assertSocketError(say(cleo.socket, channelId, "hello?"), BAD_INPUT);
    for (const id of ["00000000-0000-4000-8000-000000000001", ben.name, "garbage", ""]) {
      await assertSocketError(openDirect(cleo, { id }), BAD_INPUT);
    }
    await cleo.connection.assertQuiet();
  });

  it("waits in the list of a user who is away", async (t) => {
    const ana = await person(t);
    const session = await newUser();
    const ben = { session, id: session.user_id, name: session.username };
    await openDirect(ana, ben);
    const [request, ...more] = await listed(ben);
    assert.equal(request.code, CHAT_REQUEST);
    assert.equal(request.content.username, ana.name);
    assert.deepEqual(more, []);

    const connection = await open(t, session);
    await connection.assertQuiet();
    await openDirect({ ...ben, socket: connection.socket }, ana);
    assert.equal((await ana.connection.presence()).joins[0].user_id, ana.id);
    assert.equal((await ana.connection.presence()).joins[0].user_id, ben.id);
  });

  it("is asked for once until the request is read", async (t) => {
    const [ana, ben] = await people(t, 2);
    await openDirect(ana, ben);
    await ana.connection.presence();
    const first = await assertAsked(ben, ana);
    await reopen(ana, ben);
    await ben.connection.assertQuiet();
    assert.deepEqual((await listed(ben)).map(({ id }) => id), [first.id]);

    assert.deepEqual(await rest(ben.session, "POST", "/v2/notification/read?all=true"), { unread_count: 0 });
    await reopen(ana, ben);
    const second = await assertAsked(ben, ana);
    assert.notEqual(second.id, first.id);

    assert.deepEqual(await rest(ben.session, "GET", "/v2/notification/unread"), { unread_count: 1 });
    await openDirect(ben, ana);
    const unread = await rest(ben.session, "GET", "/v2/notification/unread");
    assert.deepEqual(unread, { unread_count: 0 }, "who enters has accepted");
  });

  it("is declined by REST and on the socket", async (t) => {
    const [ana, ben] = await people(t, 2);
    const channelId = directId(ana, ben);
    const path = `/v2/channel/${channelId}/decline`;
    await openDirect(ana, ben);
    await ana.connection.presence();
    await assertAsked(ben, ana);
    assert.deepEqual(await rest(ben.session, "POST", path), {});
    await assertDeclined(ana, channelId, ben);
    assert.deepEqual(await listed(ben), []);
    assert.deepEqual(await listed(ana), [], "a decline is not kept");

    assert.deepEqual(await rest(ben.session, "POST", path), {}, "there is nothing left to decline");
    await ana.connection.assertQuiet();

    await reopen(ana, ben);
    await assertAsked(ben, ana);
    if (sendsAdditions) {
      const answer = await ben.socket.send({ channel_decline: { channel_id: channelId } });
      assert.deepEqual(Object.keys(answer), ["cid"]);
    } else {
      await rest(ben.session, "POST", path);
    }
    await assertDeclined(ana, channelId, ben);
    await ana.connection.assertQuiet();
    await ben.connection.assertQuiet();
  });

  it("is declined by its two users only", async (t) => {
    const [ana, ben, cleo] = await people(t, 3);
    await openDirect(ana, ben);
    await assertAsked(ben, ana);
    const room = await cleo.socket.joinChat(unique("room"), ROOM, true, false);
    for (const channelId of [directId(ana, ben), room.id, "garbage", directId(cleo, cleo)]) {
      const path = `/v2/channel/${encodeURIComponent(channelId)}/decline`;
      await assertRefused(rest(cleo.session, "POST", path), 400, BAD_INPUT);
      if (!sendsAdditions) continue;
      await assertSocketError(cleo.socket.send({ channel_decline: { channel_id: channelId } }), BAD_INPUT);
    }
    assert.equal((await listed(ben)).length, 1);
  });

  it("ends for both when one blocks the other", async (t) => {
    const { ana, ben, channelId, channels } = await talking(t);
    await say(ana.socket, channelId, "last words");
    for (const { connection } of [ana, ben]) await connection.message();
    await client.blockFriends(ben.session, [ana.id]);
    for (const [n, { connection, socket, session }] of [ana, ben].entries()) {
      await connection.left(channels[n].self);
      await assertSocketError(say(socket, channelId, "anybody?"), BAD_INPUT);
      const { messages } = await client.listChannelMessages(session, channelId, 10);
      assert.deepEqual(texts(messages), ["last words"]);
      await connection.settled();
      assert.deepEqual(connection.messages.waiting, []);
      assert.deepEqual(connection.notifications.waiting, []);
    }
    await assertSocketError(openDirect(ana, ben), BAD_INPUT);
    assert.equal((await openDirect(ben, ana)).id, channelId);
    await ben.socket.leaveChat(channelId);

    await client.deleteFriends(ben.session, [ana.id]);
    assert.equal((await openDirect(ana, ben)).id, channelId);
    await assertAsked(ben, ana);
  });

  it("reaches every socket of a user", async (t) => {
    const [ana, ben] = await people(t, 2);
    const second = { ...ben, connection: await open(t, ben.session) };
    second.socket = second.connection.socket;
    const { id: channelId } = await openDirect(ana, ben);
    for (const socket of [ben, second]) await assertAsked(socket, ana);
    assert.equal((await listed(ben)).length, 1);

    await openDirect(ben, ana);
    const { presences, self } = await openDirect(second, ana);
    assert.deepEqual(presences.map(({ user_id }) => user_id).sort(), [ana.id, ben.id].sort());
    await say(ben.socket, channelId, "to both of us, too");
    for (const { connection } of [ana, ben, second]) {
      assert.deepEqual((await connection.message()).content, { text: "to both of us, too" });
    }
    second.socket.disconnect(false);
    for (const { connection } of [ana, ben]) await connection.left(self);
    await say(ana.socket, channelId, "still here");
    for (const { connection } of [ana, ben]) await connection.message();
  });
});
