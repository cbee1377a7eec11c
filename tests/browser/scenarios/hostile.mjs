// Names and labels that would like to be more than text.

import { assertAccessible } from '../accessible.mjs';
import { equal, holds, until } from '../expect.mjs';
import { PHONE } from '../stage.mjs';
import { names } from '../table.mjs';

export default async function hostile(stage) {
  const expected = JSON.parse(stage.more[0]);
  const page = await stage.open('/?sort=name');
  const found = await until('all rows', () => names(page), (found) => found.length === expected.length);
  equal('the names', [...found].sort(), [...expected].sort());
  const links = await page.$$eval('#targets tbody tr', (rows) =>
    rows.map((row) => [row.dataset.target, row.querySelector('a').textContent.trim(), row.querySelector('a').href]));
  await assertOnlyText(page);
  await assertAccessible('hostile names', page);
  await stage.look(page, 'hostile', { fullPage: true });

  for (const [name, text, href] of links) {
    equal('the text of a link', text, name.trim());
    await page.goto(href);
    holds(`the page ${href}`, await page.textContent('h1'), name, (heading) => heading.includes(name.trim()));
    await until(`probes of ${name}`, () => page.locator('#probes tr[data-probe]').count(), (n) => n > 0);
    await assertOnlyText(page);
  }

  // What is put in by the script is text as well.
  const searched = await stage.open('/');
  for (const text of ['<img', '"><script>', '%2F', '\u202e']) {
    await searched.fill('#search', text);
    await until(`a search for ${text}`, () => new URL(searched.url()).searchParams.get('q'), (q) => q === text.trim() || q === text);
    const fitting = expected.filter((name) => name.includes(text));
    await until(`what fits ${text}`, () => names(searched), (found) => fitting.every((name) => found.includes(name)));
    await assertOnlyText(searched);
  }

  const phone = await stage.open('/', { viewport: PHONE });
  const width = await phone.evaluate(() => document.documentElement.scrollWidth);
  holds('the width of a phone', width, `at most ${PHONE.width}`, (width) => width <= PHONE.width);
  await stage.look(phone, 'hostile-phone');
}

/** Fails if a name has become an element, or has run. */
async function assertOnlyText(page) {
  const strange = await page.evaluate(() => ({
    hit: globalThis.hit ?? 0,
    images: document.querySelectorAll('img, iframe, object, b, base').length,
    inline: document.querySelectorAll('script:not([src])').length,
    handlers: Array.from(document.querySelectorAll('*')).filter((element) =>
      element.getAttributeNames().some((name) => name.startsWith('on'))).length,
  }));
  equal(`elements of ${page.url()} that are none of the page`, strange, { hit: 0, images: 0, inline: 0, handlers: 0 });
}
