// A banter server of a test's own, which can be stopped, started again and frozen.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const { BANTER_PROGRAM } = process.env;
if (!BANTER_PROGRAM) throw new Error("BANTER_PROGRAM must hold the path of the server");

// Settings of whoever runs the tests must not reach the server.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^BANTER_|^RUST_LOG$/.test(name)));

const CANNOT_LISTEN = /^banter: listen: cannot listen on /m;

export class Server {
  port = 0;
  #flags;
  #dataDir;
  #process;
  #log = "";

  /** A running server with these flags, on a free port. It goes when the test ends. */
  static async start(t, ...flags) {
    const server = new Server();
    server.#flags = flags;
    server.#dataDir = await mkdtemp(join(tmpdir(), "data-"));
    t.after(() => server.#remove());
    await server.start();
    return server;
  }

  /** Listens on this port, with the data of the last time. Without one, on the port of the last time. */
  async start(port = this.port) {
    // Of the ports that are free, the system gives one to each connection that is made, also by those who wait for
    // this server. So the port may be in use for a moment.
    for (let retries = 10; !(await this.#listens(port, retries > 0)); retries--) await delay(500);
  }

  /** False if the port is taken and that is to be forgiven. */
  async #listens(port, mayBeTaken) {
    const listen = ["--listen", `127.0.0.1:${port}`, "--metrics-listen", "off", "--data-dir", this.#dataDir];
    const server = spawn(BANTER_PROGRAM, ["serve", ...listen, ...this.#flags], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = server;
    let said = "";
    server.stderr.on("data", (text) => {
      said += text;
      this.#log += text;
    });
    const closed = once(server, "close"); // when it has ended and all that it said is here
    for await (const line of createInterface({ input: server.stdout })) {
      const [, address] = /^listening on (http:\S+)/.exec(line) ?? [];
      if (!address) continue;
      this.port = Number(new URL(address).port);
      return true;
    }
    await closed;
    if (mayBeTaken && CANNOT_LISTEN.test(said)) return false;
    throw new Error(`the server did not start:\n${this.#log}`);
  }

  /** Returns when the server has ended by itself, as it does on SIGTERM. */
  async stop() {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const [status] = await ended;
    assert.equal(status, 0, `the server ended with an error:\n${this.#log}`);
  }

  /** The same server with nothing remembered: no account, no token, no message. */
  async forget() {
    await this.stop();
    await rm(this.#dataDir, { recursive: true });
  }

  /** It keeps its connections and says nothing more. */
  freeze() {
    this.#process.kill("SIGSTOP");
  }

  thaw() {
    this.#process.kill("SIGCONT");
  }

  async #remove() {
    if (this.#process.exitCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    await rm(this.#dataDir, { recursive: true, force: true });
    assert.doesNotMatch(this.#log, /panicked at/);
  }
}
