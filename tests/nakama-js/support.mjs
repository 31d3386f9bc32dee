// What the scenarios share: fresh users, sockets that collect what they are told, and waiting for it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Client } from "@heroiclabs/nakama-js";
import { WebSocketAdapterPb } from "@heroiclabs/nakama-js-protobuf";

const { BANTER_URL } = process.env;
if (!BANTER_URL) throw new Error("BANTER_URL must hold the address of a running server");
const address = new URL(BANTER_URL);
export const useSSL = address.protocol === "https:";

/** How long to wait for anything a server owes. Long, because only a failing test waits so long. */
const PATIENCE_MS = 5_000;

export const ROOM = 1;
export const DIRECT = 2;
export const GROUP = 3;

export const client = new Client(
  process.env.BANTER_SERVER_KEY ?? "defaultkey",
  address.hostname,
  address.port,
  useSSL,
);

export const unique = (what) => `${what}-${randomUUID()}`;

/** A new user, signed in. */
export async function newUser() {
  return client.authenticateDevice(unique("device"), true);
}

const adapters = { json: () => undefined, protobuf: () => new WebSocketAdapterPb() };

/** The format of sockets that are not asked for another one. */
const { NAKAMA_JS_FORMAT = "json" } = process.env;

/** Whether the SDK sends what the Nakama protocol does not have. With protobuf it leaves that out. */
export const sendsAdditions = NAKAMA_JS_FORMAT === "json";

/** A connected socket of the session, closed when the test ends. With `online` it shows the user as such. */
export async function open(t, session, online = false, format = NAKAMA_JS_FORMAT) {
  const connection = new Connection(client.createSocket(useSSL, false, adapters[format]()));
  t.after(() => connection.socket.disconnect(false));
  await connection.socket.connect(session, online);
  connection.listen();
  return connection;
}

/** A new user with a socket. */
export async function person(t) {
  const session = await newUser();
  const connection = await open(t, session);
  return { session, connection, socket: connection.socket, id: session.user_id, name: session.username };
}

export async function people(t, n) {
  return Promise.all(Array.from({ length: n }, () => person(t)));
}

/** A call the SDK does not have. Rejects with the response when it is refused, as the SDK's calls do. */
export async function rest(session, method, path) {
  const headers = { Authorization: `Bearer ${session.token}` };
  const response = await fetch(new URL(path, address), { method, headers });
  if (!response.ok) throw response;
  return response.json();
}

/** Opens the direct channel of two people for one of them. */
export const openDirect = (one, other) => one.socket.joinChat(other.id, DIRECT, true, false);

export const directId = (one, other) => `4.${[one.id, other.id].sort().join(".")}.`;

/** New users, each with a socket that has joined one new room, all joins announced and forgotten. */
export async function roomOf(t, n, formats = []) {
  const room = unique("room");
  const members = [];
  for (let i = 0; i < n; i++) {
    const session = await newUser();
    const connection = await open(t, session, false, formats[i]);
    const channel = await connection.socket.joinChat(room, ROOM, true, false);
    members.push({ session, connection, socket: connection.socket, channel });
  }
  for (const [i, { connection }] of members.entries()) {
    // Everybody is told of their own join and of those after it.
    for (let announced = 0; announced < n - i; ) announced += (await connection.presence()).joins.length;
  }
  return { room, channelId: members[0].channel.id, members };
}

/** A socket of the SDK whose events wait in line until a test asks for them. */
export class Connection {
  constructor(socket) {
    this.socket = socket;
    this.messages = new Line("a channel message");
    this.presences = new Line("a presence event");
    this.notifications = new Line("a notification");
    this.statuses = new Line("a status event");
    this.ends = new Line("the end of the connection");
    // Before it connects: they may come right behind the handshake.
    socket.onnotification = (notification) => this.notifications.put(notification);
    socket.onstatuspresence = (event) => this.statuses.put(event);
  }

  /** Takes the SDK's handlers; after `connect`, because it sets some of them itself. */
  listen() {
    this.socket.onchannelmessage = (message) => this.messages.put(message);
    this.socket.onchannelpresence = (event) => this.presences.put(event);
    this.socket.ondisconnect = (event) => this.ends.put(event);
  }

  message() {
    return this.messages.take();
  }

  presence() {
    return this.presences.take();
  }

  notification() {
    return this.notifications.take();
  }

  status() {
    return this.statuses.take();
  }

  end() {
    return this.ends.take();
  }

  /** Returns when a presence event says that a session has left, after any others. */
  async left({ session_id }) {
    for (;;) {
      const { leaves } = await this.presence();
      if ((leaves ?? []).some((presence) => presence.session_id === session_id)) return;
    }
  }

  /** Returns when the server has answered a ping, so that all it sent before has arrived too. */
  async settled() {
    await this.socket.send({ ping: {} });
  }

  /** Asserts that nothing waits in line and that the connection lives. */
  async assertQuiet() {
    await this.settled();
    assert.deepEqual(this.messages.waiting, []);
    assert.deepEqual(this.presences.waiting, []);
    assert.deepEqual(this.notifications.waiting, []);
    assert.deepEqual(this.statuses.waiting, []);
    assert.deepEqual(this.ends.waiting, []);
  }
}

/** Things in the order they came, each taken once. */
class Line {
  waiting = [];
  #takers = [];

  constructor(what) {
    this.what = what;
  }

  put(thing) {
    const taker = this.#takers.shift();
    if (taker) taker(thing);
    else this.waiting.push(thing);
  }

  take() {
    if (this.waiting.length > 0) return Promise.resolve(this.waiting.shift());
    return new Promise((resolve, reject) => {
      const taker = (thing) => {
        clearTimeout(timer);
        resolve(thing);
      };
      const timer = setTimeout(() => {
        this.#takers.splice(this.#takers.indexOf(taker), 1);
        reject(new Error(`${this.what} did not come within ${PATIENCE_MS} ms`));
      }, PATIENCE_MS);
      this.#takers.push(taker);
    });
  }
}

/** What a call was rejected with. */
async function refusalOf(call) {
  return call.then(
    (answer) => assert.fail(`was not refused: ${JSON.stringify(answer)}`),
    (refusal) => refusal,
  );
}

/** Asserts that a REST call is refused with this status and error code; the SDK rejects with the response. */
export async function assertRefused(call, status, code) {
  const response = await refusalOf(call);
  assert.ok(response instanceof Response, `not a response: ${response}`);
  const body = await response.json();
  assert.equal(response.status, status, JSON.stringify(body));
  assert.equal(body.code, code, JSON.stringify(body));
  assert.match(body.message, /./);
}

/** Asserts that a socket request is refused with this code; the SDK rejects with the error of the answer. */
export async function assertSocketError(call, code) {
  const error = await refusalOf(call);
  assert.equal(error.code, code, `not such an error object: ${JSON.stringify(error)}`);
  assert.match(error.message, /./);
}

/** The texts of a history page or of a list of messages sent by `say`. */
export const texts = (messages) => messages.map((message) => message.content.text);

export const say = (socket, channelId, text) => socket.writeChatMessage(channelId, { text });
