// The SDK with and without its protobuf adapter, in the same channels.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ROOM, assertSocketError, client, newUser, open, roomOf, say, texts } from "./support.mjs";

const limits = { timeout: 60_000 };
const BAD_INPUT = 3;

describe("JSON and protobuf sockets", limits, () => {
  it("hear the same in the same room", async (t) => {
    const { channelId, members } = await roomOf(t, 4, ["json", "protobuf", "protobuf", "json"]);
    const said = [];
    for (const [i, { socket }] of members.entries()) {
      for (const text of [`hello ☃ ${i}`, "", "x".repeat(300)]) {
        const ack = await say(socket, channelId, text);
        said.push({ id: ack.message_id, time: +new Date(ack.create_time), text });
      }
    }
    for (const { connection } of members) {
      for (const { id, time, text } of said) {
        const message = await connection.message();
        assert.equal(message.message_id, id);
        assert.equal(+new Date(message.create_time), time);
        assert.deepEqual(message.content, { text });
      }
      await connection.assertQuiet();
    }
    const { messages } = await client.listChannelMessages(members[0].session, channelId, 100);
    assert.deepEqual(texts(messages), said.map(({ text }) => text));
  });

  it("see each other come and go", async (t) => {
    const { room, members: [json, protobuf] } = await roomOf(t, 2, ["json", "protobuf"]);
    for (const format of ["json", "protobuf"]) {
      const guest = await open(t, await newUser(), false, format);
      const channel = await guest.socket.joinChat(room, ROOM, true, false);
      assert.equal(channel.presences.length, 2);
      await guest.socket.leaveChat(channel.id);
      for (const { connection } of [json, protobuf]) await connection.left(channel.self);
    }
  });

  it("are refused alike", async (t) => {
    const { channelId, members } = await roomOf(t, 2, ["json", "protobuf"]);
    for (const { socket, connection } of members) {
      await assertSocketError(socket.joinChat("", ROOM, true, false), BAD_INPUT);
      await assertSocketError(socket.updateChatMessage(channelId, "no id", {}), BAD_INPUT);
      await connection.assertQuiet();
    }
  });
});
