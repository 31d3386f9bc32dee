// What a game does with the stock SDK in groups: make one, let people in, talk, promote, put out, be
// told. Every test makes its own users and groups, so any server will do, and several runs at once.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GROUP, assertRefused, assertSocketError, client, people, say, texts, unique } from "./support.mjs";

const limits = { timeout: 60_000 };

// Standings in a group.
const SUPERADMIN = 0;
const ADMIN = 1;
const MEMBER = 2;
const REQUEST = 3;

// gRPC codes of REST errors, and the one code chat refusals have on the socket.
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const BAD_INPUT = 3;

// Codes of event messages.
const JOINED = 3;
const ADDED = 4;
const LEFT = 5;
const KICKED = 6;
const PROMOTED = 7;
const BANNED = 8;
const DEMOTED = 9;

/** People, the first of whom makes a group. */
async function groupOf(t, n, fields = {}) {
  const all = await people(t, n);
  const group = await client.createGroup(all[0].session, { name: unique("group"), ...fields });
  return { group, people: all, channelId: `3.${group.id}..` };
}

const join = ({ socket }, group) => socket.joinChat(group.id, GROUP, true, false);

/** Names of standings in a group, by user. */
async function standings(asking, group) {
  const { group_users } = await client.listGroupUsers(asking.session, group.id);
  return Object.fromEntries(group_users.map(({ user, state }) => [user.id, state ?? SUPERADMIN]));
}

/** The next message must be an event of a person. */
async function assertEvent(listener, code, concerned) {
  const message = await listener.connection.message();
  assert.equal(message.code, code);
  assert.equal(message.sender_id, concerned.id);
  assert.equal(message.username, concerned.session.username);
  assert.equal(message.persistent, true);
  assert.deepEqual(message.content, {});
}

describe("a group", limits, () => {
  it("is made, found, changed and deleted", async (t) => {
    const name = unique("group");
    const { group, people: [ana, ben] } = await groupOf(t, 2, {
      name, description: "About us", lang_tag: "fr", avatar_url: "http://a/g.png", open: true, max_count: 25,
    });
    assert.equal(group.creator_id, ana.id);
    assert.equal(group.edge_count, 1);
    assert.equal(group.max_count, 25);
    assert.equal(group.open, true);
    assert.ok(Date.parse(group.create_time) > 0);
    await assertRefused(client.createGroup(ben.session, { name }), 409, ALREADY_EXISTS);
    await assertRefused(client.createGroup(ben.session, { name: "" }), 400, INVALID_ARGUMENT);

    const found = await client.listGroups(ben.session, `${name.slice(0, 20).toUpperCase()}%`, undefined, 10);
    assert.deepEqual(found.groups.map(({ id }) => id), [group.id]);
    assert.equal(found.groups[0].description, "About us");

    const renamed = unique("renamed");
    await assertRefused(client.updateGroup(ben.session, group.id, { description: "mine" }), 404, NOT_FOUND);
    await client.updateGroup(ana.session, group.id, { name: renamed, description: "", open: false });
    const { groups: [changed] } = await client.listGroups(ben.session, renamed);
    assert.equal(changed.name, renamed);
    assert.equal(changed.open, false);
    assert.ok(!changed.description);
    assert.equal(changed.lang_tag, "fr");

    await assertRefused(client.deleteGroup(ben.session, group.id), 400, INVALID_ARGUMENT);
    await client.deleteGroup(ana.session, group.id);
    assert.deepEqual((await client.listGroups(ben.session, renamed)).groups ?? [], []);
    assert.deepEqual((await client.listUserGroups(ana.session, ana.id)).user_groups ?? [], []);
    await assertRefused(client.joinGroup(ben.session, group.id), 404, NOT_FOUND);
  });

  it("lets people in, who talk and read what was said", async (t) => {
    const { group, people: [ana, ben, stranger], channelId } = await groupOf(t, 3, { open: true });
    const first = await join(ana, group);
    assert.equal(first.id, channelId);
    assert.equal(first.group_id, group.id);
    await ana.connection.presence();
    await assertSocketError(join(ben, group), BAD_INPUT);

    await client.joinGroup(ben.session, group.id);
    await assertEvent(ana, JOINED, ben);
    const second = await join(ben, group);
    assert.deepEqual(second.presences, [first.self]);
    assert.deepEqual((await ana.connection.presence()).joins, [second.self]);
    assert.deepEqual((await ben.connection.presence()).joins, [second.self]);

    const ack = await say(ben.socket, channelId, "hello ☃");
    assert.equal(ack.group_id, group.id);
    for (const { connection } of [ana, ben]) {
      const message = await connection.message();
      assert.equal(message.group_id, group.id);
      assert.equal(message.message_id, ack.message_id);
      assert.deepEqual(message.content, { text: "hello ☃" });
      await connection.assertQuiet();
    }
    const { messages } = await client.listChannelMessages(ben.session, channelId, 10);
    assert.deepEqual(messages.map(({ code }) => code), [JOINED, 0]);
    assert.deepEqual(texts(messages), [undefined, "hello ☃"]);
    assert.equal(messages[0].sender_id, ben.id);

    const refused = client.listChannelMessages(stranger.session, channelId, 10);
    await assertRefused(refused, 400, INVALID_ARGUMENT);
    assert.deepEqual(await standings(stranger, group), { [ana.id]: SUPERADMIN, [ben.id]: MEMBER });
    const { user_groups } = await client.listUserGroups(stranger.session, ben.id);
    assert.deepEqual(user_groups.map((entry) => [entry.group.id, entry.state]), [[group.id, MEMBER]]);
    assert.equal(user_groups[0].group.edge_count, 2);
  });

  it("asks its admins, and tells people that they are in", async (t) => {
    const { group, people: [ana, ben] } = await groupOf(t, 2);
    await client.joinGroup(ben.session, group.id);
    assert.deepEqual(await standings(ana, group), { [ana.id]: SUPERADMIN, [ben.id]: REQUEST });
    await assertSocketError(join(ben, group), BAD_INPUT);
    await client.addGroupUsers(ana.session, group.id, [ben.id]);
    assert.equal((await standings(ana, group))[ben.id], MEMBER);
    await join(ben, group);

    for (const [person, code, content, sender] of [
      [ana, -5, { group_id: group.id, username: ben.session.username }, ben],
      [ben, -4, { group_id: group.id, name: group.name }, ana],
    ]) {
      const { notifications: [listed, ...more], cacheable_cursor } = await client.listNotifications(person.session, 10);
      assert.deepEqual(more, []);
      assert.equal(listed.code, code);
      assert.deepEqual(listed.content, content);
      assert.equal(listed.sender_id, sender.id);
      assert.equal(listed.persistent, true);
      assert.match(listed.subject, /./);
      const live = await person.connection.notification();
      assert.equal(live.id, listed.id);
      assert.deepEqual(live.content, content);
      assert.equal(live.code, code);
      await person.connection.settled();
      assert.deepEqual(person.connection.notifications.waiting, []);
      const later = await client.listNotifications(person.session, 10, cacheable_cursor);
      assert.deepEqual(later.notifications ?? [], []);
      await client.deleteNotifications(person.session, [listed.id]);
      assert.deepEqual((await client.listNotifications(person.session, 10)).notifications ?? [], []);
    }
  });

  it("promotes, demotes, kicks, bans and lets go, and tells everybody in its channel", async (t) => {
    const { group, people: [ana, ben, cleo], channelId } = await groupOf(t, 3, { open: true });
    for (const { session } of [ben, cleo]) await client.joinGroup(session, group.id);
    for (const person of [ana, ben]) await join(person, group);
    for (const joins of [2, 1]) {
      const person = joins === 2 ? ana : ben;
      for (let n = 0; n < joins; n++) await person.connection.presence();
    }

    await client.promoteGroupUsers(ana.session, group.id, [ben.id]);
    assert.equal((await standings(ana, group))[ben.id], ADMIN);
    await client.kickGroupUsers(ben.session, group.id, [cleo.id]);
    await client.demoteGroupUsers(ana.session, group.id, [ben.id]);
    await assertRefused(client.addGroupUsers(ben.session, group.id, [cleo.id]), 404, NOT_FOUND);
    await client.kickGroupUsers(ana.session, group.id, [ben.id]);
    for (const listener of [ana, ben]) {
      await assertEvent(listener, PROMOTED, ben);
      await assertEvent(listener, KICKED, cleo);
      await assertEvent(listener, DEMOTED, ben);
      await assertEvent(listener, KICKED, ben);
    }
    const { leaves } = await ana.connection.presence();
    assert.deepEqual(leaves.map(({ user_id }) => user_id), [ben.id]);
    await assertSocketError(say(ben.socket, channelId, "still here?"), BAD_INPUT);
    await ben.connection.assertQuiet();

    await client.addGroupUsers(ana.session, group.id, [ben.id]);
    await assertEvent(ana, ADDED, ben);
    await join(ben, group);
    await ana.connection.presence();
    await ben.connection.presence();
    await client.leaveGroup(ben.session, group.id);
    for (const listener of [ana, ben]) await assertEvent(listener, LEFT, ben);
    await ana.connection.presence();
    await client.joinGroup(ben.session, group.id);
    await client.banGroupUsers(ana.session, group.id, [ben.id]);
    await assertEvent(ana, JOINED, ben);
    await assertEvent(ana, BANNED, ben);
    await client.joinGroup(ben.session, group.id);
    assert.deepEqual(await standings(ana, group), { [ana.id]: SUPERADMIN });
    await assertRefused(client.listChannelMessages(ben.session, channelId, 10), 400, INVALID_ARGUMENT);

    const { messages } = await client.listChannelMessages(ana.session, channelId, 100);
    assert.deepEqual(
      messages.map(({ code }) => code),
      [JOINED, JOINED, PROMOTED, KICKED, DEMOTED, KICKED, ADDED, LEFT, JOINED, BANNED],
    );
    await assertSocketError(ana.socket.removeChatMessage(channelId, messages[0].message_id), BAD_INPUT);
    await ana.connection.assertQuiet();
  });

  it("puts everybody out of its channel when it is deleted", async (t) => {
    const { group, people: [ana, ben], channelId } = await groupOf(t, 2, { open: true });
    await client.joinGroup(ben.session, group.id);
    const channels = [await join(ana, group), await join(ben, group)];
    await client.deleteGroup(ana.session, group.id);
    for (const [n, { connection, socket }] of [ana, ben].entries()) {
      await connection.left(channels[n].self);
      await assertSocketError(say(socket, channelId, "anybody?"), BAD_INPUT);
      await connection.settled();
    }
    await assertRefused(client.listChannelMessages(ana.session, channelId, 10), 400, INVALID_ARGUMENT);
  });
});
