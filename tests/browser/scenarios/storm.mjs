// Waits for a storm of conflicts and keeps what it looks like; `scripts/screenshot` plays it for the
// README.

import { until } from '../expect.mjs';
import { rows } from '../table.mjs';

/** The demo has a storm every two minutes. */
const PATIENCE = 200_000;
const ENOUGH = 5;

/** On a busy machine others fail as well, and a reader would wonder why. */
function isAsDocumented({ name, state, probes, failure }) {
  if (name === 'shut-port') return state === 'failure';
  const isWell = ['ok', 'conflict'].includes(state) && !probes.includes('probe-failure');
  return isWell && (failure === '' || /conflict/.test(failure));
}

export default async function storm(stage) {
  const [name, width, height] = stage.more;
  const page = await stage.open('/', {
    viewport: { width: Number(width), height: Number(height) },
  });
  const conflicts = ({ state, probes }) =>
    state === 'conflict' ? probes.filter((probe) => probe === 'probe-conflict').length : 0;
  // With a quiet time before it, so that it stands out.
  const isHit = (row) => conflicts(row) >= ENOUGH && row.probes.length > 2 * ENOUGH;
  const isStorm = (rows) => rows.filter(isHit).length > 1 && rows.every(isAsDocumented);
  await until('a storm', () => rows(page), isStorm, PATIENCE);
  await stage.look(page, name);
}
