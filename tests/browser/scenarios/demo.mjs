// The demo as whoever starts it first sees it: a waterfall a target in the calm, conflicts in a storm.

import { until } from '../expect.mjs';
import { rowUntil, rows } from '../table.mjs';

/** Longer than from one storm to the next, for a machine that misses one. */
const PATIENCE = 200_000;

export default async function demo(stage) {
  const page = await stage.open('/');
  await { calm, storm }[stage.more[0]](page);
  await stage.look(page, `demo-${stage.more[0]}`);
}

async function calm(page) {
  const areDrawn = (rows) => rows.length === 9 && rows.every(({ phases }) => phases.length > 0);
  for (const { name } of await until('nine waterfalls', () => rows(page), areDrawn)) {
    // On a busy machine one may have timed out, but not always.
    const last = name === 'shut-port' ? 'phase-connect' : 'phase-transfer';
    await rowUntil(page, name, `gets to ${last}`, ({ phases }) => phases.includes(last));
  }
}

async function storm(page) {
  const isHit = ({ state, text, probes }) =>
    state === 'conflict' && /\b409\b/.test(text) && probes.filter((probe) => probe === 'probe-conflict').length > 1;
  await until('a storm', () => rows(page), (rows) => rows.some(isHit), PATIENCE);
}
