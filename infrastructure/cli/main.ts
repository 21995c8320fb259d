#!/usr/bin/env node
/** Nothing is imported before the version is known: what comes then needs a newer Node than this file. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`chainfold: expected Node 20.19 or newer, found ${process.versions.node}.\n`);
  process.exitCode = 2;
} else {
  const { run } = await import('./program.js');
  process.exitCode = await run(process.argv.slice(2));
  // Everything is printed and closed. What keeps the process alive now is a call that its library cannot take back, as a read from
  // a server that has stopped answering: nobody waits for that.
  setTimeout(() => process.exit(), 500).unref();
}
export {};
