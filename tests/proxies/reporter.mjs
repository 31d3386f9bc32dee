// What `node --test` has found, one line for each test, in the form that tests/run.sh counts.

import { inspect } from "node:util";

/** Tests of one file, of which node makes a test too, have that as their only ancestor. */
const isFile = ({ name, nesting, file }) => nesting === 0 && file !== undefined && name.endsWith(".test.mjs");

export default async function* report(events) {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of events) {
    if (type === "test:stderr" || type === "test:stdout") yield data.message;
    if (type !== "test:pass" && type !== "test:fail") continue;
    const isGroup = data.details.type === "suite" || isFile(data);
    const seconds = (data.details.duration_ms / 1000).toFixed(1);
    if (type === "test:fail") {
      // A group fails with its tests, which have been counted. What is left is a fault of the group itself.
      if (isGroup && data.details.error?.failureType === "subtestsFailed") continue;
      failed += 1;
      yield `FAIL ${data.name} (${seconds} s)\n`;
      yield `${indented(why(data))}\n`;
    } else if (data.skip !== undefined) {
      yield `SKIP ${data.name}: ${data.skip}\n`;
    } else if (!isGroup) {
      passed += 1;
      yield `PASS ${data.name} (${seconds} s)\n`;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}

/** The error of a test, without the wrapping that node puts around it. */
function why({ details: { error }, file, line }) {
  const cause = error?.cause ?? error;
  return `${cause?.stack ?? inspect(cause)}\n(${file}:${line})`;
}

const indented = (text) => text.replace(/^/gm, "     ");
