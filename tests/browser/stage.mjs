// What a scenario has: the browser, the exporter, and whoever started both.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';

import { PATIENCE } from './expect.mjs';
import { longestTask } from './tasks.mjs';
import { Watch } from './watch.mjs';

export const DESK = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

export class Stage {
  #browser;
  #watch;
  #answers;
  #last;

  constructor(browser, url, more) {
    this.url = url;
    this.more = more;
    this.#browser = browser;
    this.#watch = new Watch(new URL(url).origin);
    this.#answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  }

  /** Asks the test that started this for something and waits until it is so. */
  async ask(words) {
    process.stdout.write(`ask: ${words}\n`);
    const { done } = await this.#answers.next();
    if (done) throw new Error(`nobody answers when asked to ${words}`);
  }

  /** Opens a path in a context of its own: no cookie, no cache, nothing of the pages before. */
  async open(path, options = {}) {
    const context = await this.#browser.newContext({
      viewport: DESK,
      locale: 'en-GB',
      timezoneId: 'UTC',
      colorScheme: 'light',
      ...options,
    });
    await this.#watch.follow(context);
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    this.#last = page;
    await page.goto(new URL(path, this.url).href);
    return page;
  }

  /** Keeps what a page looks like, from its top to `height`, by default what the window shows. */
  async look(page, name, options = {}) {
    const folder = process.env.HTTPCYCLE_SCREENSHOTS;
    mkdirSync(folder, { recursive: true });
    // With the cursor as it is: hiding it takes a style that no strict policy allows.
    await page.screenshot({ path: join(folder, `${name}.png`), caret: 'initial', ...options });
  }

  /** Keeps what the page that was opened last looks like, if it still looks like anything. */
  async keepLook(name) {
    try {
      if (this.#last) await this.look(this.#last, name);
    } catch (error) {
      console.error(`and there is no picture: ${error.message}`);
    }
  }

  /** The longest task of a page while `work` is done, in milliseconds. */
  longestTask(page, work) {
    return longestTask(this.#browser, page, work);
  }

  /** Takes what the scenario itself brings about for no mistake. */
  excuse(pattern) {
    this.#watch.excuse(pattern);
  }

  complaints() {
    return this.#watch.complaints();
  }

  assertNoComplaint() {
    const complaints = this.complaints();
    if (complaints.length) {
      throw new Error(`expected no complaint of the browser, found:\n${complaints.join('\n')}`);
    }
  }
}
