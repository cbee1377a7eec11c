// The exporter stops: the page says so, keeps what it has, and goes on when it is back.

import { equal, holds, until } from '../expect.mjs';
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
  const said = () => page.innerText('body');
  const isLost = (text) => /not (be )?(reach|answer)|unreachable|no answer|cannot reach|lost/i.test(text);
  holds('a page that is fresh', await said(), 'no word of a loss', (text) => !isLost(text));

  await stage.ask('stop');
  await until('the page says that nobody answers', said, isLost);
  equal('the rows that are kept', await names(page), before);
  await stage.look(page, 'stopped');

  await stage.ask('start');
  await until('the page says it no more', said, (text) => !isLost(text));
  equal('the rows', (await names(page)).length, 36);
  equal('the same page', await page.evaluate(() => globalThis.isSame), true);
}
