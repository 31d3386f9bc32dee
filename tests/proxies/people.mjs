// Users of the stock JavaScript client who come through a proxy.

import { after } from "node:test";
import { Connection, ROOM, unique } from "../nakama-js/support.mjs";
import { Client, WebSocket } from "./packages.mjs";

/** Stands in for `t` where something is to live as long as a whole `describe`, in which this is called. */
export function lifeOfGroup() {
  const ends = [];
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return { after: (end) => ends.push(end) };
}

/** A client for an address with a prefix: the SDK puts host and port side by side, and paths behind them. */
export function clientFor(base) {
  const { hostname, port, pathname, protocol } = new URL(base);
  const prefix = pathname === "/" ? "" : pathname;
  return new Client(process.env.BANTER_SERVER_KEY ?? "defaultkey", hostname, port + prefix, protocol === "https:");
}

/** A new user with a socket that has joined the room. */
export async function personIn(t, base, room) {
  const client = clientFor(base);
  const session = await client.authenticateDevice(unique("device"), true);
  const connection = new Connection(client.createSocket(client.useSSL));
  t.after(() => connection.socket.disconnect(false));
  await connection.socket.connect(session, false);
  connection.listen();
  const channel = await connection.socket.joinChat(room, ROOM, true, false);
  return { client, session, connection, socket: connection.socket, channel };
}

/** A socket that says nothing by itself but the answers to pings, which the SDK's does not let one see. */
export async function silentSocket(t, base, session) {
  const url = `${base.replace(/^http/, "ws")}/ws?token=${encodeURIComponent(session.token)}`;
  const socket = new WebSocket(url);
  t.after(() => socket.terminate());
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const pinged = (times) =>
    new Promise((resolve) => socket.on("ping", () => (times -= 1) === 0 && resolve("pinged")));
  const next = () => new Promise((resolve) => socket.once("message", (text) => resolve(JSON.parse(text))));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return { socket, closed, pinged, next };
}

export { unique };
