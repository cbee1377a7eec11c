// Five thousand targets: nothing that the script does holds the reader up.

import { becomes, equal, holds, until } from '../expect.mjs';
import { names, parameter } from '../table.mjs';

const PAGE = 100;

const LIMIT = 1000;

export default async function many(stage) {
  const page = await stage.open('/');
  equal('rows of a page', (await names(page)).length, PAGE);
  holds('the summary', await page.innerText('#summary'), '5000 targets', (text) => text.startsWith('5000 targets'));
  const longest = await stage.longestTask(page, async () => {
    await page.reload();
    await polls(page, 4);
    await stage.look(page, 'many');
    await use(page);
    await polls(page, 2);
  });
  console.log(`longest task with 5,000 targets: ${Math.round(longest)} ms`);
  holds('the longest task of a script, in ms', longest, `less than ${LIMIT}`, (ms) => ms < LIMIT);
}

/** What a reader does who looks for one of them. */
async function use(page) {
  await page.fill('#search', 'target-4321');
  await becomes('the one that was searched', () => names(page), ['target-4321']);
  await page.fill('#search', '');
  await until('all again', () => names(page), (found) => found.length === PAGE);
  await page.click('#targets [data-sort=name]');
  await until('sorted', async () => parameter(page, 'sort'), (sort) => sort === 'name');
  const before = await names(page);
  await page.click('a[rel=next]');
  await until('the next page', () => names(page), (found) => found.length === PAGE && !found.includes(before[0]));
  equal('the number of the page', parameter(page, 'page'), '2');
}

/** Waits until the page has asked `n` times for what is new, and then for what it does with it. */
async function polls(page, n) {
  for (let i = 0; i < n; i += 1) {
    const response = await page.waitForResponse((response) => new URL(response.url()).pathname === '/');
    await response.finished();
  }
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
}
