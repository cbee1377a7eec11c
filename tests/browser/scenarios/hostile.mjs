// Names and labels that would like to be more than text.

import { assertAccessible, assertFits } from '../accessible.mjs';
import { becomes, equal, holds, until } from '../expect.mjs';
import { DESK, PHONE } from '../stage.mjs';
import { names, parameter } from '../table.mjs';

const LONG = 100;

export default async function hostile(stage) {
  const expected = JSON.parse(stage.more[0]);
  const page = await stage.open('/?sort=name');
  const found = await until('all rows', () => names(page), (found) => found.length === expected.length);
  equal('the names', [...found].sort(), [...expected].sort());
  const links = await page.$$eval('#targets tbody tr', (rows) =>
    rows.map((row) => [row.dataset.target, row.querySelector('a').textContent, row.querySelector('a').href]));
  await assertOnlyText(page);
  await assertAccessible('hostile names', page);
  await stage.look(page, 'hostile', { fullPage: true });

  for (const [name, text, href] of links) {
    // What is too long for a table is cut.
    holds(`the text of ${href}`, text, name, (text) => text === name || isBeginning(text, name));
    holds('where it leads', href, `below ${stage.url}`, (href) => href.startsWith(stage.url));
    await page.goto(href);
    holds(`the page ${href}`, await page.textContent('h1'), name, (heading) => heading === name);
    await until(`probes of ${name}`, () => page.locator('#probes tr[data-probe]').count(), (n) => n > 0);
    await assertOnlyText(page);
    await page.setViewportSize(PHONE);
    await assertFits(`the page ${href}`, page);
    if (isUnbreakable(name)) {
      await assertAccessible(`the page ${href}`, page);
      await stage.look(page, 'hostile-target-phone');
    }
    await page.setViewportSize(DESK);
  }

  // What is put in by the script is text as well.
  const searched = await stage.open('/');
  for (const text of ['<img', '"><script>', '%2F', '\u202e']) {
    await searched.fill('#search', text);
    const fitting = expected.filter((name) => name.includes(text)).sort();
    await becomes(`what fits ${text}`, async () => (await names(searched)).sort(), fitting);
    await becomes('the search', async () => parameter(searched, 'q'), text);
    await assertOnlyText(searched);
  }

  const phone = await stage.open('/', { viewport: PHONE });
  await assertFits('hostile names', phone);
  await stage.look(phone, 'hostile-phone');
}

/** Whether a name is the hardest to fit. */
const isUnbreakable = (name) => name.length > LONG && !name.includes(' ');

/** Whether a text is a name that was cut because it is long. */
function isBeginning(text, name) {
  return text.endsWith('…') && text.length > LONG && name.startsWith(text.slice(0, -1));
}

/** Fails if a name has become an element, or has run. */
async function assertOnlyText(page) {
  const strange = await page.evaluate(() => ({
    hit: globalThis.hit ?? 0,
    images: document.querySelectorAll('img, iframe, object, base').length,
    inline: document.querySelectorAll('script:not([src])').length,
    handlers: Array.from(document.querySelectorAll('*')).filter((element) =>
      element.getAttributeNames().some((name) => name.startsWith('on'))).length,
  }));
  equal(`elements of ${page.url()} that are none of the page`, strange, { hit: 0, images: 0, inline: 0, handlers: 0 });
}
