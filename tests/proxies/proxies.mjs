// nginx, Caddy and HAProxy, with their examples from docs/proxies.md. An example stays as it is, but for
// names of hosts, ports and files, and time-outs that a test wants shorter.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Program, newDirectory, onFreePorts } from "./programs.mjs";

const documentation = readFileSync(new URL("../../docs/proxies.md", import.meta.url), "utf8");
const careless = readFileSync(new URL("careless.conf", import.meta.url), "utf8");
const { PROXIES_CERTIFICATE: certificate, PROXIES_KEY: key, PROXY_NGINX, PROXY_CADDY, PROXY_HAPROXY } = process.env;

/** The example in one proxy's language, with changes: pairs of a text and what is to stand in its place. */
function example(language, changes) {
  const block = documentation.match(new RegExp(`^\`\`\`${language} test\n(.*?)^\`\`\`$`, "ms"));
  assert.ok(block, `docs/proxies.md has no example for ${language}`);
  return changed(block[1], changes);
}

function changed(text, changes) {
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `not there to be changed: ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** A proxy that runs. `url` is where clients find banter, its prefix included, without a slash at the end. */
class Proxy {
  constructor(name, program, port, logs) {
    Object.assign(this, { name, program, port, logs });
    this.url = `https://127.0.0.1:${port}/chat`;
  }

  /** All that it has logged. */
  log() {
    return this.logs.map((path) => readFileSync(path, "utf8")).join("\n");
  }
}

/** Checks the configuration as the proxy's own command does, then starts it. */
async function launch(t, name, path, check, args, ports, env) {
  const checked = new Program(`${name} checks`, path, check, env);
  assert.equal(await checked.ended, 0, checked.output());
  const program = new Program(name, path, args, env);
  t.after(() => program.stop());
  for (const port of ports) await program.listensOn(port);
  return program;
}

/**
 * nginx with its example, before the banter at the address. Beside it, over plain HTTP, it has two servers with
 * configurations that are often met: `upgrading` calls every request an upgrade, `defaults` sets nothing.
 */
export async function nginx(t, banter, changes = []) {
  return onFreePorts(t, 3, async (port, upgrading, defaults) => {
    const directory = newDirectory("nginx");
    const access = join(directory, "access.log");
    const error = join(directory, "error.log");
    const socketError = join(directory, "socket-error.log");
    const servers = example("nginx", [
      ["127.0.0.1:7350", banter.host],
      ["listen 443", `listen 127.0.0.1:${port}`],
      ["chat.example.com;", "127.0.0.1;"],
      ["/etc/ssl/chat.example.com.pem", certificate],
      ["/etc/ssl/chat.example.com.key", key],
      ["/var/log/nginx/chat.access.log", access],
      ["/var/log/nginx/chat.error.log", socketError],
      ...changes,
    ]);
    const others = changed(careless, [["BANTER", banter.host], ["UPGRADING", upgrading], ["DEFAULTS", defaults]]);
    const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    const temporary = kinds.map((kind) => `${kind}_temp_path ${directory}/${kind};`);
    // The user: as root, nginx would read and write here as somebody else, who may not.
    const main = `
      ${process.getuid() === 0 ? "user root;" : ""}
      daemon off;
      pid ${directory}/nginx.pid;
      error_log ${error};
      events { worker_connections 2048; }
      http {
        access_log off;
        ${temporary.join("\n")}
        ${servers}
        ${others}
      }`;
    const file = join(directory, "nginx.conf");
    writeFileSync(file, main);
    const args = ["-p", directory, "-e", error, "-c", file];
    const program = await launch(t, "nginx", PROXY_NGINX, [...args, "-t"], args, [port, upgrading, defaults]);
    const proxy = new Proxy("nginx", program, port, [access, error, socketError, program.outputPath]);
    proxy.upgrading = `http://127.0.0.1:${upgrading}`;
    proxy.defaults = `http://127.0.0.1:${defaults}`;
    return proxy;
  });
}

export async function caddy(t, banter, changes = []) {
  return onFreePorts(t, 1, async (port) => {
    const directory = newDirectory("caddy");
    const config = example("caddy", [
      ["127.0.0.1:7350", banter.host],
      ["chat.example.com {", `https://127.0.0.1:${port} {`],
      ["/etc/ssl/chat.example.com.pem", certificate],
      ["/etc/ssl/chat.example.com.key", key],
      // No listeners but the one: neither for administration, nor for redirects, nor on UDP.
      ["{\n\t# Both", "{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n"
        + "\tservers {\n\t\tprotocols h1 h2\n\t}\n\t# Both"],
      ...changes,
    ]);
    const file = join(directory, "Caddyfile");
    writeFileSync(file, config);
    const from = ["--config", file, "--adapter", "caddyfile"];
    // Caddy keeps certificates and its last configuration in the home of its user.
    const env = { ...process.env, HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory };
    const program = await launch(t, "caddy", PROXY_CADDY, ["validate", ...from], ["run", ...from], [port], env);
    return new Proxy("caddy", program, port, [program.outputPath]);
  });
}

export async function haproxy(t, banter, changes = []) {
  return onFreePorts(t, 1, async (port) => {
    const directory = newDirectory("haproxy");
    const both = join(directory, "both.pem");
    writeFileSync(both, readFileSync(certificate) + readFileSync(key));
    const sections = example("haproxy", [
      ["127.0.0.1:7350", banter.host],
      ["bind :443", `bind 127.0.0.1:${port}`],
      ["/etc/ssl/chat.example.com.both.pem", both],
      ...changes,
    ]);
    const file = join(directory, "haproxy.cfg");
    writeFileSync(file, `global\n    log stdout format raw local0\n    maxconn 1000\n\n${sections}`);
    const program = await launch(t, "haproxy", PROXY_HAPROXY, ["-c", "-f", file], ["-db", "-f", file], [port]);
    return new Proxy("haproxy", program, port, [program.outputPath]);
  });
}

const because = (name) => `${name} is not installed and could not be fetched`;

/** Each proxy's name, how to start it, and for `node:test` why it is skipped, if it is. */
export const proxies = [
  { name: "nginx", start: nginx, skip: PROXY_NGINX ? false : because("nginx") },
  { name: "caddy", start: caddy, skip: PROXY_CADDY ? false : because("caddy") },
  { name: "haproxy", start: haproxy, skip: PROXY_HAPROXY ? false : because("haproxy") },
];
