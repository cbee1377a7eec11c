// Reads the status page as its readers do.

import { until } from './expect.mjs';

/** The rows of the table of targets: name, state and the text that stands there. */
export function rows(page) {
  return page.$$eval('#targets tbody tr', (rows) =>
    rows.map((row) => ({
      name: row.dataset.target,
      state: row.dataset.state,
      text: row.innerText,
      failure: row.querySelector('.failure .sentence')?.innerText ?? '',
      probes: Array.from(row.querySelectorAll('.strip rect'), (rect) => rect.getAttribute('class')),
      phases: Array.from(row.querySelectorAll('.waterfall rect'), (rect) => rect.getAttribute('class')),
    })),
  );
}

export async function names(page) {
  return (await rows(page)).map((row) => row.name);
}

/** The row of a target. */
export async function row(page, name) {
  return (await rows(page)).find((row) => row.name === name);
}

/** Waits until the row of a target is as wanted. */
export function rowUntil(page, name, what, wanted) {
  return until(`${name} ${what}`, () => row(page, name), (row) => row !== undefined && wanted(row));
}

/** How the columns say that they are sorted: `{name: 'ascending'}`. */
export function sorting(page) {
  return page.$$eval('#targets th[aria-sort]', (heads) => {
    const sorted = heads.filter((head) => head.getAttribute('aria-sort') !== 'none');
    return Object.fromEntries(
      sorted.map((head) => [
        head.querySelector('[data-sort]').dataset.sort,
        head.getAttribute('aria-sort'),
      ]),
    );
  });
}

/** One parameter of the address of the page, empty where it is absent. */
export function parameter(page, name) {
  return new URL(page.url()).searchParams.get(name) ?? '';
}

/** Where the focus is, as a person would say. */
export function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element.id || element.dataset.sort || element.textContent.trim();
  });
}

/** Presses Tab until the focus is where `selector` says, and checks on the way that it is seen. */
export async function tabTo(page, selector) {
  const found = [];
  for (let n = 0; n < 400; n += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate((selector) => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const isSeen = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
      const isNowhere = element === document.body;
      const name = element.id || element.textContent.trim().slice(0, 40);
      return { isThere: element.matches(selector), isSeen, isNowhere, name };
    }, selector);
    if (!at.isSeen && !at.isNowhere) throw new Error(`${at.name} has the focus and does not show it`);
    if (at.isThere) return;
    found.push(at.name);
  }
  throw new Error(`Tab never leads to ${selector}, but to ${found.slice(0, 20).join(', ')}`);
}
