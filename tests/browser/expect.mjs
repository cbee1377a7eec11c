// Assertions that tell what was expected and what was found, and waits that end with a state.

import { isDeepStrictEqual } from 'node:util';

/** What the slowest of busy machines may take for what ought to happen at once, in milliseconds. */
export const PATIENCE = 90_000;
const PAUSE = 50;

const ENOUGH = 1500;

/** A value as a message has it: what is long is cut. */
function shown(value) {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > ENOUGH ? `${text.slice(0, ENOUGH)}… (${text.length} characters)` : text;
}

/** Fails unless `found` is `expected`. */
export function equal(what, found, expected) {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`${what}: expected ${shown(expected)}, found ${shown(found)}`);
  }
}

/** Fails unless `is` holds of `found`; `expected` says in words what it asks for. */
export function holds(what, found, expected, is) {
  if (!is(found)) throw new Error(`${what}: expected ${expected}, found ${shown(found)}`);
}

/** Reads until what was read is as wanted, and gives it back. */
export async function until(what, read, wanted, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await read();
    if (wanted(found)) return found;
    if (Date.now() > end) throw new Error(`never: ${what}; found ${shown(found)}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/** Reads until what was read is `expected`. */
export async function becomes(what, read, expected) {
  await until(`${what} is ${shown(expected)}`, read, (found) => isDeepStrictEqual(found, expected));
}
