// Works the status page in a browser, as one scenario says:
//
//     node tests/browser/run.mjs SCENARIO URL [ARGUMENT…]
//
// `tests/it/browser` starts it with an exporter at URL. A line on standard output that begins with
// `ask: ` asks that test for something, and a line on standard input says that it is done.

import process from 'node:process';

import { launch } from './chromium.mjs';
import { Stage } from './stage.mjs';

// For a scenario as a whole, on the slowest of machines: each wait has a limit of its own.
const PATIENCE = 600_000;

const [name, url, ...more] = process.argv.slice(2);
const { default: scenario } = await import(`./scenarios/${name}.mjs`);

const browser = await launch();
setTimeout(() => {
  console.error(`${name} does not come to an end`);
  process.exit(1);
}, PATIENCE).unref();
const stage = new Stage(browser, url, more);
try {
  await scenario(stage);
  stage.assertNoComplaint();
} catch (error) {
  console.error(error.stack ?? error);
  for (const complaint of stage.complaints()) {
    console.error(`besides: ${complaint}`);
  }
  await stage.keepLook(`failed-${name}`);
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
}
