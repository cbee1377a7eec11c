// Behind a web configuration: the page is opened as a bookmark with a password has it, has its style and
// its script, and lives.

import { equal, holds, until } from '../expect.mjs';
import { names, parameter } from '../table.mjs';

export default async function door(stage) {
  const page = await stage.open('/');
  const style = () => page.evaluate(() => document.styleSheets[0]?.cssRules.length ?? 0);
  holds('rules of its style', await style(), 'some', (n) => n > 0);
  equal('the button of the script', await page.isVisible('#pause'), true);
  const updated = await page.textContent('#updated');
  await until('another time', () => page.textContent('#updated'), (now) => now !== updated);

  await page.click('#targets [data-sort=name]');
  await until('sorted', async () => parameter(page, 'sort'), (sort) => sort === 'name');
  await page.fill('#search', 'beta');
  await until('those of beta', () => names(page), (found) => found.length === 12);
  equal('what the page is worried about', await page.innerText('[role=alert]'), '');

  await page.click('#targets tbody tr[data-target] a');
  await until('its heading', () => page.innerText('h1'), (text) => text.startsWith('beta-'));
  const then = await page.textContent('#updated');
  await until('another time', () => page.textContent('#updated'), (now) => now !== then);
  equal('what the page is worried about', await page.innerText('[role=alert]'), '');
}
