// A Chromium without a window that talks to 127.0.0.1 and to nobody else.

import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';

import { PATIENCE } from './expect.mjs';
import { chromium } from './modules.mjs';

const FLAGS = [
  // Its sandbox asks for rights that root in a container does not have.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--no-proxy-server',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-sync',
  '--disable-gpu',
];

function installed() {
  const paths = process.env.PATH.split(delimiter).map((folder) => join(folder, 'chromium'));
  const path = paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!path) throw new Error('there is no chromium on the path');
  return path;
}

/** Starts it, with a home that is gone when it is. */
export async function launch() {
  const home = mkdtempSync(join(tmpdir(), 'httpcycle-browser-'));
  process.on('exit', () => rmSync(home, { recursive: true, force: true, maxRetries: 3 }));
  return await chromium.launch({
    executablePath: installed(),
    args: FLAGS,
    timeout: PATIENCE,
    // Neither a proxy nor the settings of whoever runs the tests.
    env: { PATH: process.env.PATH, HOME: home, LANG: 'C.UTF-8', TZ: 'UTC' },
  });
}
