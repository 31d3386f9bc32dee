// Bodies that are too large. The proxy may still be sending when banter refuses: the refusal has to get through.

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Caller, SIGN_IN, padded, withKey, withWrongKey } from "./caller.mjs";
import { lifeOfGroup, unique } from "./people.mjs";
import { proxies } from "./proxies.mjs";

const banter = new URL(process.env.BANTER_URL);
const KIB = 1 << 10;
const SIZES = [300 * KIB, 1000 * KIB, 2500 * KIB, 5000 * KIB];
const TIMES = 2;

/** Who sends it, where to, and the refusal: the first thing that is wrong with the request. */
const targets = [
  ["by a good client", SIGN_IN, withKey, "400 3"],
  ["with a wrong key", SIGN_IN, withWrongKey, "401 16"],
  ["to a path that does not exist", "/v2/nothing", withKey, "404 5"],
];

for (const { name, start, skip } of proxies) {
  describe(`large bodies through ${name}`, { skip, timeout: 60_000 }, () => {
    const life = lifeOfGroup();
    let doors;
    before(async () => {
      const proxy = await start(life, banter);
      doors = [proxy.url, proxy.upgrading, proxy.defaults].filter((url) => url !== undefined);
    });

    for (const [who, path, headers, refusal] of targets) {
      it(`a body over the limit, sent ${who} through ${name}, is refused with ${refusal}`, async (t) => {
        for (const door of doors) {
          const caller = new Caller(t, door, 8);
          const calls = SIZES.flatMap((size) =>
            Array.from({ length: TIMES }, (_, i) => {
              const options = { headers, body: padded({ id: unique("device") }, size), chunked: i % 2 === 1 };
              return caller.call("POST", path, options).then(
                ({ status, text }) => `${status} ${JSON.parse(text).code}`,
                (error) => `${size} bytes: ${error.message}`,
              );
            }),
          );
          const answers = new Set(await Promise.all(calls));
          assert.deepEqual([...answers], [refusal], door);
        }
      });
    }

    it(`a body just below the limit is taken through ${name}, and the next byte is not`, async (t) => {
      for (const door of doors) {
        const caller = new Caller(t, door, 2);
        const room = 256 * KIB - padded({ id: unique("device") }, 0).length;
        for (const [size, expected] of [[room, 200], [room + 1, 400], [room, 200]]) {
          const body = padded({ id: unique("device") }, size);
          const { status, text } = await caller.call("POST", SIGN_IN, { headers: withKey, body });
          assert.equal(status, expected, text);
        }
      }
    });
  });
}
