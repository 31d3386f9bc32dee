// Stands between a proxy and banter, and sees what the proxy does there: its connections and its requests.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * Passes everything on, but for one thing: the proxy is not told when banter closes a connection. So it is as
 * if that news were always still on its way, which it is only for a moment in a real network.
 */
export class Relay {
  /** How many connections the proxy has made. */
  connections = 0;
  /** What the proxy has sent, as text. */
  sent = "";
  #sockets = new Set();
  #toBanter = new Set();

  static async start(t, { hostname, port }) {
    const relay = new Relay();
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ host: hostname, port, allowHalfOpen: true });
      relay.#join(near, far);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.close();
      for (const socket of relay.#sockets) socket.destroy();
    });
    relay.url = new URL(`http://127.0.0.1:${server.address().port}`);
    return relay;
  }

  #join(near, far) {
    this.connections += 1;
    this.#toBanter.add(far);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.#sockets.delete(socket));
    }
    // What comes when banter has closed cannot be passed on: it is lost, as it would be in a network.
    const isLost = () => far.readableEnded || far.destroyed;
    near.on("data", (bytes) => {
      this.sent += bytes.toString("latin1");
      if (isLost()) near.destroy();
      else far.write(bytes);
    });
    near.on("end", () => {
      far.end();
      near.end();
    });
    far.on("data", (bytes) => near.write(bytes));
    far.on("end", () => far.end());
  }

  /** Returns when no connection to banter is open any more, whoever has closed it. */
  async quiet() {
    for (const socket of this.#toBanter) if (!socket.closed) await once(socket, "close");
  }
}
