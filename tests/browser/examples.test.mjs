// The programs of docs/javascript.md, as they stand there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { Server } from "./server.mjs";
import { makeProgram } from "./site.mjs";

let program;
before(async () => { program = await makeProgram(); });
after(() => program.remove());

describe("docs/javascript.md", { timeout: 60_000 }, () => {
  /** What the program of this name prints, with a server in place of that at the default port. */
  async function output(t, name) {
    const { port } = await Server.start(t);
    const file = join(program.directory, name);
    await writeFile(file, (await readFile(file, "utf8")).replace('"7350"', `"${port}"`));
    // What node-gaps.mjs changes is that nobody waits for timers that the client leaves behind.
    const preloaded = [new URL("../nakama-js/node-gaps.mjs", import.meta.url), join(program.directory, "in-node.js")];
    const command = [...preloaded.flatMap((path) => ["--import", path]), file];
    return (await promisify(execFile)(process.execPath, command, { timeout: 30_000 })).stdout;
  }

  it("has a first program that runs", async (t) => {
    assert.match(await output(t, "first.js"), /^\S+: hello\ntrue\n$/);
  });

  it("has a program with the recipe that runs", async (t) => {
    assert.match(await output(t, "lobby.js"), /^connected \n\S+: hello\nclosed disconnected\n$/);
  });
});
