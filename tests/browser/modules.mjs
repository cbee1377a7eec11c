// Where the packages are that package.json names: not beside the sources, but where the test says.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

const required = createRequire(join(process.env.HTTPCYCLE_BROWSER_MODULES, 'package.json'));

export const { chromium } = required('playwright-core');

/** The text of a file of a package. */
export function textOf(path) {
  return readFileSync(required.resolve(path), 'utf8');
}
