// Many requests at once, over connections that are kept: none may be lost, or get the answer to another one.

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Caller } from "./caller.mjs";
import { faultsOf, newWorld, requests } from "./mixture.mjs";
import { lifeOfGroup } from "./people.mjs";
import { proxies } from "./proxies.mjs";

const banter = new URL(process.env.BANTER_URL);
const PARALLEL = 64;

const noFaults = (faults) => assert.deepEqual(faults.slice(0, 5), [], `${faults.length} requests went wrong`);

for (const { name, start, skip } of proxies) {
  describe(`many requests through ${name}`, { skip, timeout: 60_000 }, () => {
    const life = lifeOfGroup();
    let proxy;
    let world;
    before(async () => {
      proxy = await start(life, banter);
      world = await newWorld(life, proxy.url);
    });

    const count = name === "nginx" ? 2000 : 400;
    it(`each of ${count} mixed requests through ${name} gets its own answer`, async (t) => {
      const caller = new Caller(t, proxy.url, PARALLEL);
      noFaults(await faultsOf(caller, requests(count, world), PARALLEL));
    });

    if (name === "nginx") {
      it("each of 400 gets it when nginx calls every request an upgrade", async (t) => {
        const caller = new Caller(t, proxy.upgrading, PARALLEL);
        noFaults(await faultsOf(caller, requests(400, world, 2), PARALLEL));
      });

      it("each of 400 gets it when nginx speaks HTTP/1.0 to banter", async (t) => {
        const caller = new Caller(t, proxy.defaults, PARALLEL);
        noFaults(await faultsOf(caller, requests(400, world, 3), PARALLEL));
      });
    }
  });
}
