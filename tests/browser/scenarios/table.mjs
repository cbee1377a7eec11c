// The table by mouse and by keyboard: the address says what is shown, and back is back.

import { becomes, equal, holds, until } from '../expect.mjs';
import { names, parameter, rows, sorting, tabTo } from '../table.mjs';

const states = async (page) => [...new Set((await rows(page)).map((row) => row.state))];
const sorted = (names) => [...names].sort();

export default async function table(stage) {
  await byMouse(stage);
  await byKeyboard(stage);
  await byAddress(stage);
}

async function byMouse(stage) {
  const page = await stage.open('/');
  await becomes('states', async () => (await states(page)).sort(), ['conflict', 'failure', 'ok']);
  equal('all targets', (await names(page)).length, 39);

  await page.selectOption('#state', 'conflict');
  await becomes('those in conflict', () => names(page), ['orders']);
  equal('state', parameter(page, 'state'), 'conflict');
  await page.selectOption('#state', 'all');
  await until('all again', () => names(page), (found) => found.length === 39);

  await page.fill('#search', 'BETA');
  await until('those of beta', () => names(page), (found) => found.length === 12 && found.every((name) => name.startsWith('beta-')));
  await becomes('q', async () => parameter(page, 'q'), 'BETA');

  await page.click('#targets [data-sort=name]');
  await until('sorted', () => sorting(page), (by) => by.name !== undefined);
  const first = (await sorting(page)).name;
  await page.click('#targets [data-sort=name]');
  await until('the other way', () => sorting(page), (by) => by.name !== undefined && by.name !== first);
  const found = await names(page);
  const expected = (await sorting(page)).name === 'ascending' ? sorted(found) : sorted(found).reverse();
  equal('names in order', found, expected);
  equal('what was searched', parameter(page, 'q'), 'BETA');

  await page.goBack();
  await becomes('sorted as before', () => sorting(page), { name: first });
  equal('what was searched', await page.inputValue('#search'), 'BETA');
  await page.goForward();
  await until('sorted again', () => sorting(page), (by) => by.name !== undefined && by.name !== first);

  // Every column that says it sorts does.
  const columns = await page.$$eval('#targets [data-sort]', (links) => links.map((link) => link.dataset.sort));
  holds('columns', columns, 'several that sort', (columns) => columns.length > 2);
  for (const column of columns) {
    await page.click(`#targets [data-sort=${column}]`);
    await until(`sorted by ${column}`, () => sorting(page), (by) => Object.keys(by).join() === column);
    equal('rows', (await names(page)).length, 12);
  }
}

async function byKeyboard(stage) {
  const page = await stage.open('/');
  await tabTo(page, '#search');
  await page.keyboard.type('gamma');
  await page.keyboard.press('Enter');
  await until('those of gamma', () => names(page), (found) => found.length === 12 && found.every((name) => name.startsWith('gamma-')));
  await becomes('q', async () => parameter(page, 'q'), 'gamma');

  await tabTo(page, '#targets [data-sort=name]');
  const before = (await sorting(page)).name;
  await page.keyboard.press('Enter');
  await until('sorted by name', () => sorting(page), (by) => by.name !== undefined && by.name !== before);
  const once = (await sorting(page)).name;
  equal('sort', parameter(page, 'sort'), 'name');
  // The focus stays where the reader is, so that the same key turns the order.
  await page.keyboard.press('Enter');
  await until('the other way', () => sorting(page), (by) => by.name !== undefined && by.name !== once);

  await page.focus('#state');
  await page.keyboard.press('c');
  await becomes('state', () => page.inputValue('#state'), 'conflict');
  await page.keyboard.press('Tab');
  await becomes('those of gamma in conflict', () => names(page), []);
  const told = await page.innerText('main');
  holds('an empty table', told, 'words that say that nothing fits', (text) => /no target/i.test(text));
}

async function byAddress(stage) {
  const page = await stage.open('/?q=alpha&sort=name&order=desc&state=ok');
  equal('the search', await page.inputValue('#search'), 'alpha');
  equal('the state', await page.inputValue('#state'), 'ok');
  equal('the sorting', await sorting(page), { name: 'descending' });
  const found = await until('all of alpha', () => names(page), (found) => found.length === 12);
  equal('the names', found, sorted(found).reverse());
}
