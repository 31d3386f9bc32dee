// A mixture of requests, good and bad, small and large, each with the answer it must get.

import assert from "node:assert/strict";
import { SIGN_IN, padded, withKey, withToken, withWrongKey } from "./caller.mjs";
import { clientFor, personIn, unique } from "./people.mjs";

const PEOPLE = 8;
const MESSAGES = 30;

/** Users and a room with history, made by way of `base`. */
export async function newWorld(t, base) {
  const room = unique("room");
  const author = await personIn(t, base, room);
  for (let i = 0; i < MESSAGES; i++) await author.socket.writeChatMessage(author.channel.id, { i });
  const sessions = [];
  for (let i = 0; i < PEOPLE; i++) sessions.push(await clientFor(base).authenticateDevice(unique("device"), true));
  return { channelId: author.channel.id, sessions };
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const isJson = (check) => ({ text }) => check(JSON.parse(text));
const isError = (code) => isJson((body) => assert.equal(body.code, code));
const isEmpty = ({ text }) => assert.equal(text, "");

/**
 * Each kind of request: how often it comes, and from a `dice` and the world what to send, the status, and a
 * check of the answer. Checks tell the answers to different users apart, so that none is given to somebody else.
 */
const kinds = [
  [3, "signs in", (dice) => {
    const name = unique("ana");
    const path = `${SIGN_IN}?username=${name}`;
    const body = padded({ id: unique("device") }, dice.bytes());
    const check = isJson(({ token }) => {
      const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
      assert.equal(claims.usn, name);
    });
    return ["POST", path, { headers: withKey, body, chunked: dice.even() }, 200, check];
  }],
  [4, "reads an account", (dice) => {
    const session = dice.of("sessions");
    const check = isJson(({ user }) => assert.equal(user.id, session.user_id));
    return ["GET", "/v2/account", { headers: { ...withToken(session), ...dice.encoding() } }, 200, check];
  }],
  [2, "changes an account", (dice) => {
    const body = padded({ location: "Berlin" }, dice.bytes());
    const options = { headers: withToken(dice.of("sessions")), body, chunked: dice.even() };
    return ["PUT", "/v2/account", options, 200, isJson((answer) => assert.deepEqual(answer, {}))];
  }],
  [3, "reads history", (dice, { channelId }) => {
    const limit = 1 + dice.below(MESSAGES);
    const path = `/v2/channel/${channelId}?forward=true&limit=${limit}`;
    const check = isJson(({ messages }) => {
      assert.deepEqual(messages.map(({ content }) => JSON.parse(content).i), [...Array(limit).keys()]);
    });
    return ["GET", path, { headers: { ...withToken(dice.of("sessions")), ...dice.encoding() } }, 200, check];
  }],
  [1, "asks for a path that does not exist", () => ["GET", "/v2/nothing", {}, 404, isError(5)]],
  [2, "sends a body to a path that does not exist", (dice) => {
    const body = padded({}, dice.bytes());
    return ["POST", "/v2/nothing", { headers: withKey, body, chunked: dice.even() }, 404, isError(5)];
  }],
  [2, "signs in with a wrong key", (dice) => {
    const body = padded({ id: unique("device") }, dice.bytes());
    return ["POST", SIGN_IN, { headers: withWrongKey, body, chunked: dice.even() }, 401, isError(16)];
  }],
  [2, "makes a group without a token", (dice) => {
    const body = padded({ name: unique("group") }, dice.bytes());
    return ["POST", "/v2/group", { body, chunked: dice.even() }, 401, isError(16)];
  }],
  [1, "sends a body that is not JSON", (dice) => {
    const body = "x".repeat(1 + dice.bytes());
    return ["POST", SIGN_IN, { headers: withKey, body, chunked: dice.even() }, 400, isError(3)];
  }],
  [1, "uses another method", (dice) => ["PUT", "/v2/user", { body: padded({}, dice.bytes()) }, 501, isError(12)]],
  [1, "asks for the head of an account", (dice) => {
    const options = { headers: { ...withToken(dice.of("sessions")), ...dice.encoding() } };
    return ["HEAD", "/v2/account", options, 200, isEmpty];
  }],
  [1, "asks for the head of a path that does not exist", () => ["HEAD", "/v2/nothing", {}, 404, isEmpty]],
  [1, "asks to be upgraded to HTTP/2", (dice) => {
    const session = dice.of("sessions");
    const headers = { ...withToken(session), upgrade: "h2c", connection: "upgrade, http2-settings" };
    const check = isJson(({ user }) => assert.equal(user.id, session.user_id));
    return ["GET", "/v2/account", { headers: { ...headers, "http2-settings": "AAMAAABkAAQAAP__" } }, 200, check];
  }],
];

const bag = kinds.flatMap(([weight, ...kind]) => Array.from({ length: weight }, () => kind));

/** So many requests, the same ones for the same seed but for ids and names. */
export function* requests(count, world, seed = 1) {
  const random = chance(seed);
  const below = (n) => Math.floor(random() * n);
  const dice = {
    below,
    even: () => random() < 0.5,
    of: (what) => world[what][below(world[what].length)],
    // Most bodies are small; what does not fit into buffers is where things go wrong.
    bytes: () => [0, below(100), below(20_000), below(200 << 10)][below(4)],
    encoding: () => (random() < 0.5 ? { "accept-encoding": "gzip" } : {}),
  };
  for (let i = 0; i < count; i++) {
    const [what, make] = bag[below(bag.length)];
    const [method, path, options, status, check] = make(dice, world);
    yield { what, method, path, options, status, check };
  }
}

/** Sends them, many at the same time, and returns what was wrong with each that was not answered as it must be. */
export async function faultsOf(caller, mixture, parallel) {
  const faults = [];
  const worker = async () => {
    for (const { what, method, path, options, status, check } of mixture) {
      try {
        const answer = await caller.call(method, path, options);
        assert.equal(answer.status, status, answer.text);
        check(answer);
      } catch (error) {
        const { body = "", chunked } = options;
        const size = `${body.length} bytes${chunked ? " in chunks" : ""}`;
        faults.push(`one who ${what} (${method} ${path}, ${size}): ${error.message}`);
      }
    }
  };
  // They share one generator, so each request is sent by whoever is free first.
  await Promise.all(Array.from({ length: parallel }, worker));
  return faults;
}
