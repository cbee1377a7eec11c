// What has the focus goes, and what is asked for comes in haste: the reader keeps their place.

import { becomes, equal, holds, until } from '../expect.mjs';
import { focused, names, parameter, sorting } from '../table.mjs';

export default async function focus(stage) {
  await recovering(stage);
  await hurried(stage);
}

/** A row has the focus and goes, since it is not in trouble any more. */
async function recovering(stage) {
  await stage.ask('409 Conflict');
  const page = await stage.open('/?state=trouble&sort=name');
  await becomes('those in trouble', () => names(page), ['nobody', 'orders']);
  const link = '#targets tr[data-target=orders] a';
  await page.focus(link);
  equal('what has the focus', await focused(page), 'orders');
  await stage.ask('200 OK');
  await becomes('those still in trouble', () => names(page), ['nobody']);
  const where = () => page.evaluate(() => document.activeElement.nodeName);
  holds('what has the focus now', await where(), 'something near, and not the whole', (name) => name !== 'BODY');
  // From there the keys lead on.
  await page.keyboard.press('Shift+Tab');
  holds('what is before it', await where(), 'an element', (name) => name !== 'BODY');
}

/** A head is clicked before what was typed has been asked for. */
async function hurried(stage) {
  const page = await stage.open('/');
  await page.evaluate(() => {
    const search = document.querySelector('#search');
    search.focus();
    search.value = 'beta';
    search.dispatchEvent(new InputEvent('input', { bubbles: true }));
    document.querySelector('#targets [data-sort=name]').click();
  });
  const are = (found) => found.length === 12 && found.every((name) => name.startsWith('beta-'));
  await until('those of beta', () => names(page), are);
  await until('sorted by name', () => sorting(page), (by) => by.name !== undefined);
  equal('the address', [parameter(page, 'q'), parameter(page, 'sort')], ['beta', 'name']);
  equal('the search', await page.inputValue('#search'), 'beta');
}
