// A headless Chromium, driven by its DevTools protocol through a pipe. The pipe is also what ends it: when this
// process is gone, however that came, so is the browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless",
  "--no-sandbox", // root may not use it
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage", // small in containers
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-pipe",
];

export class Browser {
  #process;
  #profile;
  #log = "";
  #lastId = 0;
  #unanswered = new Map();
  #listeners = new Map();

  static async launch() {
    const browser = new Browser();
    browser.#profile = await mkdtemp(join(tmpdir(), "profile-"));
    browser.#start();
    await browser.send("Browser.getVersion");
    return browser;
  }

  #start() {
    const flags = [...FLAGS, `--user-data-dir=${this.#profile}`, "about:blank"];
    const stdio = ["ignore", "ignore", "pipe", "pipe", "pipe"]; // it reads from 3 and writes to 4
    this.#process = spawn(process.env.CHROMIUM ?? "chromium", flags, { stdio });
    const [, , errors, , output] = this.#process.stdio;
    errors.on("data", (text) => { this.#log += text; });
    this.#process.on("exit", () => {
      for (const { reject } of this.#unanswered.values()) reject(new Error(`the browser has ended:\n${this.#log}`));
    });
    let begun = "";
    output.setEncoding("utf8").on("data", (text) => {
      const messages = (begun + text).split("\0");
      begun = messages.pop();
      for (const message of messages) this.#receive(JSON.parse(message));
    });
  }

  #receive({ id, result, error, method, params, sessionId }) {
    if (method) return this.#listeners.get(sessionId)?.(method, params);
    const { resolve, reject } = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#lastId;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#unanswered.set(id, { resolve, reject }));
  }

  /** A page that has loaded this address, closed when the test ends. The test fails if an error went uncaught in it. */
  async open(t, url) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const uncaught = [];
    const loaded = new Promise((resolve) => {
      this.#listeners.set(sessionId, (method, params) => {
        if (method === "Page.loadEventFired") resolve();
        if (method === "Runtime.exceptionThrown") uncaught.push(describe(params.exceptionDetails));
      });
    });
    await this.send("Page.enable", {}, sessionId);
    await this.send("Runtime.enable", {}, sessionId);
    await this.send("Page.navigate", { url }, sessionId);
    await loaded;
    t.after(async () => {
      await this.send("Target.closeTarget", { targetId });
      assert.deepEqual(uncaught, [], "errors in the page that nobody caught");
    });
    return new Page(this, sessionId);
  }

  async close() {
    const ended = once(this.#process, "exit");
    this.send("Browser.close").catch(() => {}); // its answer may be lost on the way out
    await ended;
    // Helpers of the browser may write there a little longer.
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

const describe = ({ text, exception }) => exception?.description ?? `${text} ${JSON.stringify(exception?.value)}`;

export class Page {
  constructor(browser, sessionId) {
    this.browser = browser;
    this.sessionId = sessionId;
  }

  /** Calls a function in the page, which sees nothing of this file, with these arguments. Awaits what it returns. */
  async run(program, ...args) {
    const expression = `(${program})(...${JSON.stringify(args)})`;
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.browser.send("Runtime.evaluate", options, this.sessionId);
    if (exceptionDetails) throw new Error(`in the page: ${describe(exceptionDetails)}`);
    return result.value;
  }
}
