// The page of a target: every probe that is known, where its time went and why it failed.

import { equal, holds, until } from '../expect.mjs';
import { rowUntil, tabTo } from '../table.mjs';

const heading = (page) => page.innerText('h1');

async function probes(page) {
  return await page.$$eval('#probes tr[data-probe]', (rows) =>
    rows.map((row) => ({
      number: row.dataset.probe,
      text: row.innerText,
      phases: Array.from(row.querySelectorAll('.waterfall rect'), (rect) => rect.getAttribute('class')),
    })),
  );
}

const ran = (probe, phase) => probe.phases.some((name) => name.split(' ').includes(`phase-${phase}`));

/** From the table to the page of a target, by the keys alone if `byKeys`. */
async function enter(page, name, byKeys) {
  const link = `#targets tr[data-target=${name}] a`;
  if (byKeys) {
    await tabTo(page, link);
    await page.keyboard.press('Enter');
  } else {
    await page.click(link);
  }
  await page.waitForURL(new RegExp(`/targets/${name}$`));
  await until('its heading', () => heading(page), (text) => text.includes(name));
}

export default async function target(stage) {
  const [address] = stage.more;
  const page = await stage.open('/');
  for (const [name, state] of [['orders', 'conflict'], ['nobody', 'failure'], ['secure', 'ok']]) {
    await rowUntil(page, name, `is ${state}`, (row) => row.state === state);
  }

  await enter(page, 'orders', false);
  const known = await probes(page);
  // On a busy machine some may have timed out.
  const answered = known.filter((probe) => probe.text.includes('409'));
  holds('probes of orders with their code', answered.length, 'some', (n) => n > 0);
  for (const probe of answered) {
    for (const phase of ['connect', 'send', 'first_byte', 'transfer']) {
      holds(`the waterfall of ${probe.text}`, probe.phases, phase, () => ran(probe, phase));
    }
  }
  holds('the page', await page.innerText('main'), address, (text) => text.includes(address));
  // It lives as well, with the newest first.
  const isNewer = (now) => Number(now[0].number) > Number(known[0].number);
  await until('another probe first', () => probes(page), isNewer);
  await stage.look(page, 'target-conflict', { fullPage: true });

  await page.goBack();
  await rowUntil(page, 'nobody', 'is there again', () => true);
  await enter(page, 'nobody', true);
  const [refused] = await until('probes of nobody', () => probes(page), (found) => found.length > 0);
  equal('phases of a refused connection', ['connect', 'send'].map((phase) => ran(refused, phase)), [true, false]);
  holds('the failure', await page.innerText('main'), 'connect and refused', (text) => /connect/.test(text) && /refused/.test(text));
  await stage.look(page, 'target-failure', { fullPage: true });

  const secure = await stage.open('/targets/secure');
  await until('a handshake', () => probes(secure), (found) => found.some((probe) => ran(probe, 'tls')));
  await stage.look(secure, 'target-tls', { fullPage: true });
}
