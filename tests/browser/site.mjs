// What docs/javascript.md tells people to copy, copied: into a directory for Node, and from there onto a web site
// whose origin is not that of the server.

import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const packages = here("../nakama-js/node_modules");
const NAKAMA_JS = "@heroiclabs/nakama-js";

/** The code blocks of the page that have `file=NAME` in their info string, by name. */
export async function documented() {
  const text = await readFile(here("../../docs/javascript.md"), "utf8");
  const blocks = text.matchAll(/^```js file=(\S+)\n(.*?)^```$/gms);
  return new Map([...blocks].map(([, name, code]) => [name, code]));
}

/** A directory with the documented files and `visitor.js`, in which Node finds the packages. */
export async function makeProgram() {
  const directory = await mkdtemp(join(tmpdir(), "program-"));
  for (const [name, code] of await documented()) await writeFile(join(directory, name), code);
  await copyFile(here("visitor.js"), join(directory, "visitor.js"));
  await writeFile(join(directory, "package.json"), '{"type": "module"}');
  await symlink(packages, join(directory, "node_modules"));
  return { directory, remove: () => rm(directory, { recursive: true }) };
}

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>a game</title>
<link rel="icon" href="data:,">
<script type="importmap">{"imports": {"${NAKAMA_JS}": "/nakama-js.mjs"}}</script>
`;

/** Serves the directory's modules and one page on a free port. */
export async function serve(directory) {
  const site = createServer(async (request, response) => {
    try {
      if (request.url === "/") return response.setHeader("Content-Type", "text/html").end(PAGE);
      const file = request.url === "/nakama-js.mjs"
        ? join(packages, NAKAMA_JS, "dist/nakama-js.esm.mjs")
        : join(directory, basename(request.url));
      response.setHeader("Content-Type", "text/javascript").end(await readFile(file));
    } catch {
      response.writeHead(404).end();
    }
  });
  await once(site.listen(0, "127.0.0.1"), "listening");
  const close = () => {
    site.close();
    site.closeAllConnections(); // a browser keeps some open
  };
  return { url: `http://127.0.0.1:${site.address().port}/`, close };
}
