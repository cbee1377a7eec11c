// What is wrong for those who do not see, point or tell colours apart, as far as axe-core finds it, and
// for those with a narrow window.

import { holds } from './expect.mjs';
import { textOf } from './modules.mjs';

/** Fails where axe-core finds anything, as far as it can tell. */
export async function assertAccessible(what, page) {
  await page.evaluate(textOf('axe-core/axe.min.js'));
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
  if (violations.length === 0) return;
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 200)}\n  ${failureSummary.replaceAll('\n', '\n  ')}`));
  throw new Error(`${what}: expected nothing that axe-core minds, found:\n${found.join('\n')}`);
}

/** Fails where a page is wider than its window, so that a reader has to push it to and fro. */
export async function assertFits(what, page) {
  const { width } = page.viewportSize();
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  holds(`the width of ${what}`, needed, `at most ${width}`, (needed) => needed <= width);
}
