// What a game does with the stock SDK to show who is online: follow users, set a status, be told. Every
// test makes its own users, so any server will do, and several runs at once.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertSocketError, client, newUser, open, people, person } from "./support.mjs";

const limits = { timeout: 60_000 };

const BAD_INPUT = 3;

/** Sessions and their statuses, of a list of presences. */
const shown = (presences) => (presences ?? []).map(({ user_id, status }) => [user_id, status]);

/** The next status event has these joins and leaves. */
async function assertNews(connection, joins, leaves) {
  const event = await connection.status();
  assert.deepEqual(shown(event.joins), joins);
  assert.deepEqual(shown(event.leaves), leaves);
  return event;
}

describe("a status", limits, () => {
  it("is followed from one change to the next", async (t) => {
    const ana = await person(t);
    const session = await newUser();
    const ben = session.user_id;
    const online = await open(t, session, true);
    await assertNews(online, [[ben, ""]], []);

    const { presences } = await ana.socket.followUsers([ben]);
    assert.deepEqual(shown(presences), [[ben, ""]]);
    assert.equal(presences[0].username, session.username);

    await online.socket.updateStatus("playing");
    await online.socket.updateStatus("playing");
    await online.socket.updateStatus('{"k": 1}');
    for (const connection of [ana.connection, online]) {
      const event = await assertNews(connection, [[ben, "playing"]], [[ben, ""]]);
      assert.equal(event.joins[0].session_id, presences[0].session_id);
      await assertNews(connection, [[ben, "playing"]], [[ben, "playing"]]);
      await assertNews(connection, [[ben, '{"k": 1}']], [[ben, "playing"]]);
    }
    online.socket.disconnect(false);
    await assertNews(ana.connection, [], [[ben, '{"k": 1}']]);
    await ana.connection.assertQuiet();
    const { presences: gone } = await ana.socket.followUsers([ben]);
    assert.deepEqual(shown(gone), []);
  });

  it("comes when a followed user does, and goes when it is taken back", async (t) => {
    const ana = await person(t);
    const session = await newUser();
    const ben = session.user_id;
    const { presences } = await ana.socket.followUsers([ben]);
    assert.deepEqual(shown(presences), []);
    const connection = await open(t, session);
    await connection.settled();
    await ana.connection.assertQuiet();

    await connection.socket.updateStatus("here");
    await assertNews(ana.connection, [[ben, "here"]], []);
    await connection.socket.updateStatus();
    await assertNews(ana.connection, [], [[ben, "here"]]);
    await connection.socket.updateStatus("");
    await assertNews(ana.connection, [[ben, ""]], []);
  });

  it("is followed no more", async (t) => {
    const ana = await person(t);
    const session = await newUser();
    const online = await open(t, session, true);
    await ana.socket.followUsers([session.user_id]);
    await ana.socket.unfollowUsers([session.user_id]);
    await online.socket.updateStatus("unseen");
    await online.settled();
    await ana.connection.assertQuiet();
    await ana.socket.unfollowUsers([session.user_id]);
    await ana.socket.unfollowUsers([]);
  });

  it("is that of a session, and the user's other sessions are told", async (t) => {
    const ana = await person(t);
    const session = await newUser();
    const ben = session.user_id;
    const [first, second] = [await open(t, session), await open(t, session, true)];
    for (const connection of [first, second]) await assertNews(connection, [[ben, ""]], []);
    await first.socket.updateStatus("on the phone");
    for (const connection of [first, second]) await assertNews(connection, [[ben, "on the phone"]], []);

    const { presences } = await ana.socket.followUsers([ben]);
    assert.deepEqual(shown(presences).sort(), [[ben, ""], [ben, "on the phone"]]);
    assert.equal(new Set(presences.map(({ session_id }) => session_id)).size, 2);
    second.socket.disconnect(false);
    for (const connection of [ana.connection, first]) await assertNews(connection, [], [[ben, ""]]);

    const { users: [user] } = await client.getUsers(ana.session, [ben]);
    assert.equal(user.online, true);
    await first.socket.updateStatus();
    await assertNews(ana.connection, [], [[ben, "on the phone"]]);
    const { users: [away] } = await client.getUsers(ana.session, [ben]);
    assert.ok(!away.online);
  });

  it("is nobody's who does not exist", async (t) => {
    const [ana] = await people(t, 1);
    const unknown = "00000000-0000-4000-8000-000000000001";
    for (const ids of [[], [unknown], [ana.id]]) {
      const { presences } = await ana.socket.followUsers(ids);
      assert.deepEqual(shown(presences), [], ids.join());
    }
    await assertSocketError(ana.socket.followUsers(["garbage"]), BAD_INPUT);
    await assertSocketError(ana.socket.updateStatus("a".repeat(2049)), BAD_INPUT);
    await ana.connection.assertQuiet();
  });
});
