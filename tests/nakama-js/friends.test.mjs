// What a game does with the stock SDK about friends: invite, accept, end, block, list; and about what
// users are told. Every test makes its own users, so any server will do, and several runs at once.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertRefused, client, newUser, open, people, person, rest, unique } from "./support.mjs";

const limits = { timeout: 60_000 };

const INVALID_ARGUMENT = 3;

// What another user is to the owner of a list.
const FRIEND = 0;
const SENT = 1;
const RECEIVED = 2;
const BLOCKED = 3;

// Codes of notifications.
const INVITATION = -2;
const ACCEPTED = -3;
const REMOVED = -9;

/** States in the list of a person, by user. */
async function states({ session }, ...filter) {
  const { friends } = await client.listFriends(session, ...filter);
  return Object.fromEntries(friends.map(({ user, state }) => [user.id, state]));
}

async function befriend(one, other) {
  await client.addFriends(one.session, [other.id]);
  await client.addFriends(other.session, [one.id]);
}

/** New users without sockets. */
async function users(n) {
  const sessions = await Promise.all(Array.from({ length: n }, newUser));
  return sessions.map((session) => ({ session, id: session.user_id, name: session.username }));
}

/** The next notification is about what somebody did. */
async function assertTold({ connection }, code, { id, name }) {
  const told = await connection.notification();
  assert.equal(told.code, code);
  assert.equal(told.sender_id, id);
  assert.deepEqual(told.content, { username: name });
  assert.equal(told.persistent, true);
  assert.match(told.subject, /./);
  return told;
}

describe("friends", limits, () => {
  it("are invited, accept, and are removed", async (t) => {
    const [ana, ben] = await people(t, 2);
    await client.addFriends(ana.session, [ben.id]);
    await assertTold(ben, INVITATION, ana);
    assert.deepEqual(await states(ana), { [ben.id]: SENT });
    assert.deepEqual(await states(ben), { [ana.id]: RECEIVED });
    await client.addFriends(ana.session, [ben.id]);
    await ben.connection.assertQuiet();

    await client.addFriends(ben.session, [ana.id]);
    await assertTold(ana, ACCEPTED, ben);
    assert.deepEqual(await states(ana), { [ben.id]: FRIEND });
    const { friends: [{ user }] } = await client.listFriends(ben.session);
    assert.equal(user.username, ana.name);
    assert.deepEqual(user.metadata, {});

    await client.deleteFriends(ben.session, [ana.id]);
    await assertTold(ana, REMOVED, ben);
    for (const one of [ana, ben]) {
      assert.deepEqual(await states(one), {});
      await one.connection.assertQuiet();
    }
    await client.deleteFriends(ben.session, [ana.id]);
    await ana.connection.assertQuiet();
  });

  it("are invited by name, and invitations are withdrawn or rejected", async (t) => {
    const [ana, ben, cleo] = await people(t, 3);
    await client.addFriends(ana.session, [cleo.id], [ben.name]);
    for (const invited of [ben, cleo]) await assertTold(invited, INVITATION, ana);
    await client.deleteFriends(ana.session, [], [ben.name]);
    await assertTold(ben, REMOVED, ana);
    await client.deleteFriends(cleo.session, [], [ana.name]);
    await assertTold(ana, REMOVED, cleo);
    for (const one of [ana, ben, cleo]) assert.deepEqual(await states(one), {});
  });

  it("are blocked without a word", async (t) => {
    const [ana, ben] = await people(t, 2);
    await befriend(ana, ben);
    for (const { connection } of [ana, ben]) await connection.notification();
    await client.blockFriends(ana.session, [ben.id]);
    assert.deepEqual(await states(ana), { [ben.id]: BLOCKED });
    assert.deepEqual(await states(ben), {});
    await client.addFriends(ben.session, [ana.id]);
    await client.addFriends(ana.session, [ben.id]);
    assert.deepEqual(await states(ana), { [ben.id]: BLOCKED });
    assert.deepEqual(await states(ben), {});
    await client.deleteFriends(ana.session, [ben.id]);
    assert.deepEqual(await states(ana), {});
    for (const { connection } of [ana, ben]) await connection.assertQuiet();
    await client.addFriends(ben.session, [ana.id]);
    await assertTold(ana, INVITATION, ben);
  });

  it("are never oneself or nobody", async () => {
    const [ana] = await users(1);
    const unknown = "00000000-0000-4000-8000-000000000001";
    for (const call of ["addFriends", "blockFriends", "deleteFriends"]) {
      const act = (ids, names) => client[call](ana.session, ids, names);
      for (const refused of [
        [[ana.id]],
        [[], [ana.name]],
        [["garbage"]],
        [["00000000-0000-0000-0000-000000000000"]],
        [[], [""]],
      ]) {
        await assertRefused(act(...refused), 400, INVALID_ARGUMENT);
      }
      await act([unknown]);
      await act([], []);
      const nobody = act([], [unique("nobody")]);
      if (call === "deleteFriends") await nobody;
      else await assertRefused(nobody, 400, INVALID_ARGUMENT);
    }
    assert.deepEqual(await states(ana), {});
  });

  it("carry what was noted about them", async () => {
    const [ana, ben] = await users(2);
    const invite = (metadata) => {
      const query = new URLSearchParams({ ids: ben.id, metadata });
      return rest(ana.session, "POST", `/v2/friend?${query}`);
    };
    for (const metadata of ["no JSON", "[]", `{"a":"${"a".repeat(4096)}"}`]) {
      await assertRefused(invite(metadata), 400, INVALID_ARGUMENT);
    }
    await invite('{"met": "at school"}');
    const noted = async ({ session }) => JSON.parse((await rest(session, "GET", "/v2/friend")).friends[0].metadata);
    assert.deepEqual(await noted(ana), { met: "at school" });
    assert.deepEqual(await noted(ben), {});
  });

  it("are listed by state and in pages", async () => {
    const [ana, ...others] = await users(7);
    const [friend, sent, received, blocked, ...more] = others;
    await befriend(ana, friend);
    await client.addFriends(received.session, [ana.id]);
    await client.blockFriends(ana.session, [blocked.id]);
    for (const { id } of [sent, ...more]) await client.addFriends(ana.session, [id]);
    assert.deepEqual(await states(ana, FRIEND), { [friend.id]: FRIEND });
    assert.deepEqual(await states(ana, RECEIVED), { [received.id]: RECEIVED });
    assert.deepEqual(await states(ana, BLOCKED), { [blocked.id]: BLOCKED });

    const pages = [];
    let cursor;
    do {
      const page = await client.listFriends(ana.session, undefined, 2, cursor);
      pages.push(page.friends.map(({ user }) => user.id));
      cursor = page.cursor;
    } while (cursor);
    assert.deepEqual(pages.map(({ length }) => length), [2, 2, 2]);
    assert.deepEqual(pages.flat(), [friend, sent, ...more, received, blocked].map(({ id }) => id));

    const first = await client.listFriends(ana.session, SENT, 1);
    assert.equal(first.friends[0].user.id, sent.id);
    assert.equal(Object.keys(await states(ana, SENT, 100, first.cursor)).length, 2);
    for (const [session, state] of [
      [ana.session, undefined],
      [ana.session, FRIEND],
      [sent.session, SENT],
    ]) {
      await assertRefused(client.listFriends(session, state, 1, first.cursor), 400, INVALID_ARGUMENT);
    }
    for (const [state, limit] of [[4, 1], [-1, 1], [FRIEND, 0], [FRIEND, 1001]]) {
      await assertRefused(client.listFriends(ana.session, state, limit), 400, INVALID_ARGUMENT);
    }
  });

  it("have friends", async () => {
    const [ana, ben, cleo, dora, eve] = await users(5);
    for (const [one, other] of [[ana, ben], [ana, cleo], [ben, cleo], [ben, dora], [cleo, dora], [cleo, eve]]) {
      await befriend(one, other);
    }
    const { friends_of_friends: all, cursor } = await client.listFriendsOfFriends(ana.session);
    assert.ok(!cursor);
    const pairs = (found) => found.map(({ referrer, user }) => `${referrer} ${user.id}`);
    const expected = [[ben, dora], [cleo, dora], [cleo, eve]].map(([by, who]) => `${by.id} ${who.id}`);
    assert.deepEqual(pairs(all).sort(), expected.sort());
    assert.equal(all.find(({ user }) => user.id === eve.id).user.username, eve.name);

    const one = await client.listFriendsOfFriends(ana.session, 1);
    const others = await client.listFriendsOfFriends(ana.session, 100, one.cursor);
    assert.ok(!others.cursor);
    assert.deepEqual(pairs([...one.friends_of_friends, ...others.friends_of_friends]), pairs(all));
    const elsewhere = client.listFriendsOfFriends(ben.session, 1, one.cursor);
    await assertRefused(elsewhere, 400, INVALID_ARGUMENT);
    for (const limit of [0, 101]) {
      await assertRefused(client.listFriendsOfFriends(ana.session, limit), 400, INVALID_ARGUMENT);
    }
  });

  it("are shown as online while they have a status", async (t) => {
    const ana = await person(t);
    const [ben, cleo] = await users(2);
    await befriend(ana, ben);
    await befriend(ben, cleo);
    const online = async () => {
      const { friends: [{ user }] } = await client.listFriends(ana.session, FRIEND);
      const { friends_of_friends: [{ user: further }] } = await client.listFriendsOfFriends(ana.session);
      return [user.online ?? false, further.online ?? false];
    };
    assert.deepEqual(await online(), [false, false]);
    await open(t, ben.session);
    assert.deepEqual(await online(), [false, false], "a socket alone does not show");

    await ana.socket.followUsers([ben.id, cleo.id]);
    const sockets = [await open(t, ben.session, true), await open(t, cleo.session, true)];
    for (let n = 0; n < 2; n++) await ana.connection.status();
    assert.deepEqual(await online(), [true, true]);
    await sockets[0].socket.updateStatus();
    await ana.connection.status();
    assert.deepEqual(await online(), [false, true]);
  });
});

describe("notifications", limits, () => {
  it("are listed in pages, and deleted", async () => {
    const [ana, ...others] = await users(4);
    for (const { session } of others) await client.addFriends(session, [ana.id]);
    const list = async (...page) => {
      const { notifications, cacheable_cursor } = await client.listNotifications(ana.session, ...page);
      return { senders: notifications.map(({ sender_id }) => sender_id), notifications, cacheable_cursor };
    };
    const [ben, cleo, dora] = others.map(({ id }) => id);
    const first = await list(2);
    assert.deepEqual(first.senders, [ben, cleo]);
    const second = await list(2, first.cacheable_cursor);
    assert.deepEqual(second.senders, [dora]);
    const end = await list(2, second.cacheable_cursor);
    assert.deepEqual(end.senders, []);
    await client.deleteFriends(others[0].session, [ana.id]);
    const later = await list(2, end.cacheable_cursor);
    assert.deepEqual(later.notifications.map(({ code }) => code), [REMOVED], "the cursor waits for what comes");

    const ids = first.notifications.map(({ id }) => id);
    await client.deleteNotifications(others[1].session, ids);
    assert.equal((await list(100)).senders.length, 4, "those of others are left alone");
    await client.deleteNotifications(ana.session, ids);
    assert.deepEqual((await list(100)).senders, [dora, ben]);
    await assertRefused(client.deleteNotifications(ana.session, ["garbage"]), 400, INVALID_ARGUMENT);
  });

  it("are marked as read by clients that know how", async () => {
    const [ana, ...others] = await users(4);
    for (const { session } of others) await client.addFriends(session, [ana.id]);
    const get = (path) => rest(ana.session, "GET", path);
    const mark = (query) => rest(ana.session, "POST", `/v2/notification/read?${query}`);
    assert.deepEqual(await get("/v2/notification/unread"), { unread_count: 3 });
    const { notifications: [first, second] } = await client.listNotifications(ana.session, 100);
    assert.deepEqual(await get("/v2/notification/unread"), { unread_count: 3 }, "listing marks nothing");

    const unknown = "00000000-0000-4000-8000-000000000001";
    assert.deepEqual(await mark(`ids=${first.id}&ids=${unknown}`), { unread_count: 2 });
    const stranger = rest(others[0].session, "POST", `/v2/notification/read?ids=${second.id}`);
    assert.deepEqual(await stranger, { unread_count: 0 });
    assert.deepEqual(await get("/v2/notification/unread"), { unread_count: 2 });

    const told = await get("/v2/notification?limit=100&read_state=true");
    assert.deepEqual(told.notifications.map(({ read }) => read), [true, false, false]);
    const plain = await get("/v2/notification?limit=100");
    assert.ok(plain.notifications.every((notification) => !("read" in notification)));
    const unread = await get("/v2/notification?limit=1&unread=true");
    assert.deepEqual(unread.notifications.map(({ id }) => id), [second.id]);
    const cursor = encodeURIComponent(unread.cacheable_cursor);
    const next = await get(`/v2/notification?limit=100&unread=true&cacheable_cursor=${cursor}`);
    assert.equal(next.notifications.length, 1);
    const moved = get(`/v2/notification?cacheable_cursor=${cursor}`);
    await assertRefused(moved, 400, INVALID_ARGUMENT);

    assert.deepEqual(await mark("all=true"), { unread_count: 0 });
    assert.deepEqual(await get("/v2/notification/unread"), { unread_count: 0 });
    for (const query of ["", "all=false", `all=true&ids=${first.id}`, "ids=garbage", "all=yes"]) {
      await assertRefused(mark(query), 400, INVALID_ARGUMENT);
    }
  });
});
