// Who takes part: a visitor, who uses the documented recipe and lives in Node or in a page, and a companion, who uses
// the stock client without it and sees from outside what becomes of the visitor.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Client } from "../nakama-js/node_modules/@heroiclabs/nakama-js/dist/nakama-js.esm.mjs";

export const unique = (what) => `${what}-${randomUUID()}`;

export async function visitorInNode(t, program, options) {
  await import(join(program.directory, "in-node.js"));
  const { Visitor } = await import(join(program.directory, "visitor.js"));
  const visitor = new Visitor({ device: unique("device"), ...options });
  t.after(() => visitor.chat.disconnect());
  return visitor;
}

/** A visitor out of reach: `run` calls a function there, with the visitor and these arguments. */
export async function visitorInPage(t, browser, site, options) {
  const page = await browser.open(t, site.url);
  await page.run(async (settings) => {
    const { Visitor } = await import("/visitor.js");
    globalThis.visitor = new Visitor(settings);
  }, { device: unique("device"), ...options });
  return { run: (call, ...args) => page.run(`(...args) => (${call})(visitor, ...args)`, ...args) };
}

export class Companion {
  #texts = new Line();
  #joins = new Line();
  #leaves = new Line();

  /** A new user, connected, in this room. */
  static async join(t, server, room, type = 1) {
    const companion = new Companion();
    companion.session = await clientOf(server).authenticateDevice(unique("device"), true);
    await companion.enter(t, server, room, type);
    return companion;
  }

  /** The same user on a new connection, for instance to the server after it was started again. */
  async enter(t, server, room, type = 1) {
    const socket = clientOf(server).createSocket(false);
    t.after(() => socket.disconnect(false));
    socket.onchannelmessage = ({ content }) => this.#texts.put(content.text);
    socket.onchannelpresence = ({ joins, leaves }) => {
      joins?.forEach(({ user_id }) => { if (user_id !== this.session.user_id) this.#joins.put(user_id); });
      leaves?.forEach(({ user_id }) => this.#leaves.put(user_id));
    };
    await socket.connect(this.session, true);
    const channel = await socket.joinChat(room, type, true, false);
    Object.assign(this, { socket, channel });
  }

  say(text) {
    return this.socket.writeChatMessage(this.channel.id, { text });
  }

  /** The next text that is said in the room, own ones included. */
  hears() {
    return this.#texts.take();
  }

  /** The id of the next other user of whom a session comes into the room. */
  seesJoin() {
    return this.#joins.take();
  }

  /** The id of the next user of whom a session leaves the room. */
  seesLeave() {
    return this.#leaves.take();
  }

  /** How many sessions of the user were in the room on joining, and how many connections of theirs there are at all. */
  async sees(userId) {
    const inRoom = this.channel.presences.filter(({ user_id }) => user_id === userId).length;
    const { presences } = await this.socket.followUsers([userId]);
    return { inRoom, connected: presences.length };
  }
}

export const clientOf = ({ port }) => new Client("defaultkey", "127.0.0.1", String(port));

/** Things in the order in which they came, each taken once. */
class Line {
  #things = [];
  #takers = [];

  put(thing) {
    const taker = this.#takers.shift();
    if (taker) taker(thing);
    else this.#things.push(thing);
  }

  /** Waits for one if need be: as long as the test may take. */
  take() {
    if (this.#things.length > 0) return Promise.resolve(this.#things.shift());
    return new Promise((resolve) => this.#takers.push(resolve));
  }
}
