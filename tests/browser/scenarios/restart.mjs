// The exporter stops: the page says so, keeps what it has, and goes on when it is back.

import { assertAccessible, assertFits } from '../accessible.mjs';
import { becomes, equal, until } from '../expect.mjs';
import { DESK, PHONE } from '../stage.mjs';
import { names } from '../table.mjs';

export default async function restart(stage) {
  // The browser says so itself.
  stage.excuse(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING/);
  // A probe endpoint that is not ready yet.
  stage.excuse(/status of 503| is 503$/);
  const page = await stage.open('/');
  const before = await until('all rows', () => names(page), (found) => found.length === 36);
  await page.evaluate(() => {
    globalThis.isSame = true;
  });
  const told = () => page.innerText('[role=alert]');
  equal('what a fresh page is worried about', await told(), '');

  await stage.ask('stop');
  await until('the page says that nobody answers', told, (text) => /does not answer/.test(text));
  equal('the rows that are kept', await names(page), before);
  await stage.look(page, 'stopped');
  await assertAccessible('a page that nobody answers', page);
  await page.setViewportSize(PHONE);
  await assertFits('a page that nobody answers', page);
  await stage.look(page, 'stopped-phone');
  await page.setViewportSize(DESK);

  await stage.ask('start');
  await becomes('what the page is worried about', told, '');
  equal('how many rows', (await names(page)).length, 36);
  equal('the same page', await page.evaluate(() => globalThis.isSame), true);
}
