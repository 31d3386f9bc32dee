// REST as a game's clients speak it to a proxy: many connections at once, each kept and used again.

import http from "node:http";
import https from "node:https";
import { gunzipSync } from "node:zlib";

/** How long an answer may take. Only one that has been lost takes so long. */
const PATIENCE_MS = 10_000;

export class Caller {
  /** `base` is an address without a slash at the end. */
  constructor(t, base, connections = 32) {
    this.base = base;
    this.library = base.startsWith("https:") ? https : http;
    this.agent = new this.library.Agent({ keepAlive: true, maxSockets: connections });
    t.after(() => this.agent.destroy());
  }

  /**
   * One request. Its answer is whole, and unpacked if it came packed; without an answer the call rejects.
   * A `chunked` body does not say how long it is.
   */
  call(method, path, { headers = {}, body, chunked = false } = {}) {
    return new Promise((resolve, reject) => {
      const request = this.library.request(this.base + path, { method, agent: this.agent });
      for (const [name, value] of Object.entries(headers)) request.setHeader(name, value);
      if (body !== undefined && !chunked) request.setHeader("content-length", Buffer.byteLength(body));
      request.setTimeout(PATIENCE_MS, () => request.destroy(new Error("no answer")));
      request.on("error", reject);
      request.on("response", (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const raw = Buffer.concat(parts);
          const packed = response.headers["content-encoding"] === "gzip" && raw.length > 0;
          resolve({
            status: response.statusCode,
            headers: response.headers,
            text: (packed ? gunzipSync(raw) : raw).toString(),
          });
        });
      });
      if (chunked) for (let at = 0; at < body.length; at += 10_000) request.write(body.slice(at, at + 10_000));
      request.end(chunked ? undefined : body);
    });
  }
}

const basic = (key) => ({ authorization: `Basic ${Buffer.from(`${key}:`).toString("base64")}` });

export const withKey = basic(process.env.BANTER_SERVER_KEY ?? "defaultkey");
export const withWrongKey = basic("not-the-key");
export const withToken = ({ token }) => ({ authorization: `Bearer ${token}` });

export const SIGN_IN = "/v2/account/authenticate/device";

/** A JSON body with these fields, and one that nobody reads, of so many bytes. */
export const padded = (fields, bytes) => JSON.stringify({ ...fields, padding: "x".repeat(bytes) });
