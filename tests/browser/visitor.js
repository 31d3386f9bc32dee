// A small chat program with the documented recipe, as a game would have it. The tests run it in Node and in a page:
// what it shows and how its connection fares is written down here, and can be waited for.

import { Client } from "@heroiclabs/nakama-js";
import { readable } from "./readable.js";
import { SteadyChat } from "./steady-chat.js";

// Pauses between attempts are a share of a bound that grows, drawn by lot. Small shares keep the tests short.
Math.random = () => 0.1;

const PATIENCE_MS = 15_000; // only a failing test waits so long

export class Visitor {
  shown = []; // texts, in the order in which they came
  states = []; // of the connection, each with its reason in words
  sockets = []; // of all attempts
  signIns = 0;
  #waiting = new Set();

  constructor({ port, device, heartbeatMs }) {
    this.client = new Client("defaultkey", "127.0.0.1", String(port), false);
    this.chat = new SteadyChat(this.client, {
      signIn: () => {
        this.signIns += 1;
        return this.client.authenticateDevice(device, true);
      },
      onmessage: ({ code, content }) => {
        this.shown.push(code === 1 ? `changed: ${content.text}` : content.text);
        this.#look();
      },
      onstate: async (state, why) => {
        this.states.push(state);
        this.why = why && await readable(why);
        this.#look();
      },
      prepare: (socket) => {
        if (heartbeatMs) socket.setHeartbeatTimeoutMs(heartbeatMs);
        this.sockets.push(socket);
        this.#look();
      },
    });
  }

  /** Connects and joins. Gives the user's id. */
  async enter(room, type = 1) {
    await this.chat.start();
    this.room = await this.chat.join(room, type);
    return this.chat.session.user_id;
  }

  say(text) {
    return this.chat.send(this.room.id, { text });
  }

  /** How often the connection has come into this state. */
  count(state) {
    return this.states.filter((past) => past === state).length;
  }

  /** Returns as soon as the condition holds. It is looked at whenever something has happened. */
  until(condition) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition(this)) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`never came: ${condition}; states ${this.states}, shown ${this.shown}`));
      }, PATIENCE_MS);
      this.#waiting.add(look);
      look();
    });
  }

  #look() {
    for (const look of [...this.#waiting]) look();
  }
}
