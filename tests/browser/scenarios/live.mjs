// A target turns to conflicts and then to nobody: the page shows it, and whoever reads it is not
// disturbed.

import { equal, holds, until } from '../expect.mjs';
import { focused, names, parameter, row, rowUntil, sorting } from '../table.mjs';

/** What must not change under the hands of a reader. */
async function place(page) {
  return await page.evaluate(() => ({
    isSame: globalThis.isSame === true,
    search: document.querySelector('#search').value,
    selection: [document.activeElement.selectionStart, document.activeElement.selectionEnd],
    state: document.querySelector('#state').value,
    scrolled: Math.round(scrollY),
    url: location.href,
  }));
}

export default async function live(stage) {
  const page = await stage.open('/');
  await page.evaluate(() => {
    globalThis.isSame = true;
  });
  await rowUntil(page, 'orders', 'has answered 200', ({ state, text }) => state === 'ok' && text.includes('200'));

  // The last names first, so that orders stands near the top; with a sort, a search and a place.
  while ((await sorting(page)).name !== 'descending') {
    const before = await sorting(page);
    await page.click('#targets [data-sort=name]');
    await until('sorted otherwise', () => sorting(page), (by) => by.name !== undefined && by.name !== before.name);
  }
  await page.fill('#search', 'alpha');
  await until('those of alpha', () => names(page), (found) => found.length === 12 && !found.includes('orders'));
  // In all names or labels but those of nobody.
  await page.fill('#search', 'E');
  await until('those with an e', () => names(page), (found) => found.length === 38);
  equal('names in order', (await names(page)).slice(0, 2), ['secure', 'orders']);
  await page.focus('#search');
  await page.evaluate(() => scrollTo(0, 40));
  holds('scrolled', (await place(page)).scrolled, 'a window that scrolls', (y) => y > 0);
  const before = await place(page);
  equal('the same page', before.isSame, true);

  await stage.ask('409 Conflict');
  const clash = await rowUntil(page, 'orders', 'is in conflict', ({ state }) => state === 'conflict');
  holds('the code of orders', clash.text, '409', (text) => text.includes('409'));
  await rowUntil(page, 'orders', 'has several conflicts in its strip', ({ probes }) =>
    probes.filter((probe) => probe.includes('probe-conflict')).length > 1);
  equal('the place of the reader', await place(page), before);
  equal('the focus', await focused(page), 'search');
  await stage.look(page, 'overview-light');

  await stage.ask('refuse');
  const refused = await rowUntil(page, 'orders', 'is a failure', ({ state }) => state === 'failure');
  holds('the reason', refused.text, 'connect and refused', (text) => /connect/.test(text) && /refused/.test(text));
  await rowUntil(page, 'orders', 'has a failure in its strip', ({ probes }) =>
    probes.some((probe) => probe.includes('probe-failure')) && probes.some((probe) => probe.includes('probe-ok')));
  equal('the place of the reader', await place(page), before);

  await page.selectOption('#state', 'failure');
  await until('failures alone', () => names(page), (found) => found.length === 1 && found[0] === 'orders');
  equal('the state in the address', parameter(page, 'state'), 'failure');
  await rest(page);
  equal('the state that was chosen', (await place(page)).state, 'failure');
  equal('the row that was left', (await row(page, 'orders')).state, 'failure');

  // Who wants to read in peace is left in peace.
  await rest(page);
  await page.click('#pause');
  equal('the button', await page.getAttribute('#pause', 'aria-pressed'), 'true');
  let n_asked = 0;
  page.on('request', () => { n_asked += 1; });
  const updated = await page.textContent('#updated');
  await stage.ask('let probes pass');
  equal('requests of a page at rest', n_asked, 0);
  equal('its time', await page.textContent('#updated'), updated);
  await page.click('#pause');
  await until('another time', () => page.textContent('#updated'), (now) => now !== updated);
  equal('the same page to the end', (await place(page)).isSame, true);
}

/** Waits until the page has asked twice for what is new. */
async function rest(page) {
  for (let n = 0; n < 2; n += 1) {
    await page.waitForResponse((response) => new URL(response.url()).pathname === '/' && response.ok());
  }
}
