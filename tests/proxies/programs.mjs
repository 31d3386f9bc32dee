// Starts the programs under test and sees to it that they end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const { PROXIES_SCRATCH } = process.env;
assert.ok(PROXIES_SCRATCH, "start these tests with tests/proxies/run.sh");

/** How long a program may take to start or to end. Only one that is broken takes so long. */
const PATIENCE_MS = 15_000;

export const newDirectory = (name) => mkdtempSync(join(PROXIES_SCRATCH, `${name}-`));

/**
 * A TCP port that nobody listens on, and that no other test is given until this one ends. Caddy and HAProxy would
 * share a port with others of their kind and never say so. The UDP port of the same number is the reservation.
 */
async function freePort(t) {
  for (;;) {
    const reservation = createSocket("udp4").bind({ port: 0, address: "127.0.0.1", exclusive: true });
    await once(reservation, "listening");
    const { port } = reservation.address();
    if (await isFree(port)) {
      reservation.unref();
      t.after(() => reservation.close());
      return port;
    }
    reservation.close();
  }
}

async function isFree(port) {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch {
    return false;
  }
  await once(server.close(), "close");
  return true;
}

/** A program that runs, in a process group of its own; what it prints goes to a file. */
export class Program {
  constructor(name, path, args, env = process.env) {
    this.name = name;
    this.outputPath = join(newDirectory(name), "output");
    const output = openSync(this.outputPath, "w");
    this.child = spawn(path, args, { stdio: ["ignore", output, output], detached: true, env });
    closeSync(output);
    // run.sh kills what is named here when it ends.
    const note = join(PROXIES_SCRATCH, "running", String(this.child.pid));
    writeFileSync(note, name);
    this.ended = once(this.child, "exit").then(([code, signal]) => {
      rmSync(note, { force: true });
      return code ?? signal;
    });
  }

  output() {
    return readFileSync(this.outputPath, "utf8");
  }

  get hasEnded() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Asks again and again until the answer is something. A program does not say when it is ready. */
  async until(what, ask) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await ask();
      if (answer) return answer;
      if (this.hasEnded) throw new Error(`${this.name} has ended:\n${this.output()}`);
      if (Date.now() > end) throw new Error(`${this.name}: ${what} did not come:\n${this.output()}`);
      await delay(10);
    }
  }

  async listensOn(port) {
    await this.until(`a listener on port ${port}`, () => accepts(port));
    return this;
  }

  /** Ends it with SIGTERM, and returns its exit code, or the signal that was needed. */
  async stop() {
    if (!this.hasEnded) this.child.kill("SIGTERM");
    const stubborn = setTimeout(() => process.kill(-this.child.pid, "SIGKILL"), PATIENCE_MS);
    try {
      return await this.ended;
    } finally {
      clearTimeout(stubborn);
    }
  }
}

async function accepts(port) {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Starts a program on free ports; with others, if somebody else took one of them first. */
export async function onFreePorts(t, count, start) {
  for (let attempt = 1; ; attempt++) {
    const ports = await Promise.all(Array.from({ length: count }, () => freePort(t)));
    try {
      return await start(...ports);
    } catch (error) {
      if (attempt === 3 || !/in use/i.test(error.message)) throw error;
    }
  }
}

/** A banter of a test's own. */
export class Banter extends Program {
  /** With `port` 0 on a free one. Settings are flags without their dashes: `{ "ping-period": "1s" }`. */
  static async start(t, settings = {}, { port = 0, data = newDirectory("data") } = {}) {
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const args = ["serve", "--listen", `127.0.0.1:${port}`, "--metrics-listen", "off", "--data-dir", data, ...flags];
    // Variables of this name are settings, and those for the tests would be unknown ones.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BANTER_")));
    for (let retries = 10; ; retries--) {
      const banter = new Banter("banter", process.env.BANTER_PROGRAM, args, env);
      t.after(() => banter.stop());
      const listening = () => /^listening on (\S+)$/m.exec(banter.output())?.[1];
      try {
        banter.url = new URL(await banter.until("its address", listening));
        banter.data = data;
        return banter;
      } catch (error) {
        // Of the ports that are free, the system gives one to each connection that is made. So the port of a banter
        // that has ended may be in use for a moment.
        if (retries === 0 || !/^banter: listen: cannot listen on /m.test(error.message)) throw error;
        await delay(500);
      }
    }
  }
}
