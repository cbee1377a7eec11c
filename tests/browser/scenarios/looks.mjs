// In light and dark, on a desk and on a phone: readable, and as axe-core wants it.

import { assertAccessible, assertFits } from '../accessible.mjs';
import { holds } from '../expect.mjs';
import { DESK, PHONE } from '../stage.mjs';

const SIZES = { desk: DESK, phone: PHONE };
const SCHEMES = ['light', 'dark'];

function colours(page) {
  return page.evaluate(() => {
    const of = (selector) => getComputedStyle(document.querySelector(selector));
    return { text: of('body').color, ground: of('html').backgroundColor + of('body').backgroundColor };
  });
}

export default async function looks(stage) {
  // The page of a target that there is not is one as well.
  stage.excuse(/status of 404 .*\/targets\/missing\)$|\/targets\/missing is 404$/);
  for (const argument of stage.more) {
    const [, name, path] = argument.match(/^(.*?)=(.*)$/);
    const seen = {};
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of SCHEMES) {
        const page = await stage.open(path, { viewport, colorScheme, hasTouch: size === 'phone' });
        await assertReadable(stage, page, `${name}-${size}-${colorScheme}`);
        seen[colorScheme] = await colours(page);
        await page.context().close();
      }
    }
    for (const part of ['text', 'ground']) {
      const { light, dark } = { light: seen.light[part], dark: seen.dark[part] };
      holds(`${part} of ${name} in the dark`, dark, `not ${light}`, (found) => found !== light);
    }
  }
}

async function assertReadable(stage, page, what) {
  await stage.look(page, what);
  await assertFits(what, page);
  if (!(await page.locator('#targets tbody tr[data-target], #probes').count())) {
    const told = await page.innerText('main');
    holds(`${what}, which has no row`, told, 'words that say so', (text) => /no targets?\b/i.test(text));
  }
  await assertAccessible(what, page);
}
