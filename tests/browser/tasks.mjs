// How long the tasks of a page take.

/** The main thread of a page, as the browser names it. */
const THREAD = 'CrRendererMain';
const TASK = 'ThreadControllerImpl::RunTask';

/**
 * The longest task of a page while `work` is done with it, in milliseconds of the processor: a
 * machine that lets the browser wait makes no task longer.
 */
export async function longestTask(browser, page, work) {
  await browser.startTracing(page, { categories: ['toplevel'] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const place = ({ pid, tid }) => `${pid}:${tid}`;
  const threads = new Set(
    traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === THREAD).map(place),
  );
  // One that began before the recording has no time.
  const tasks = traceEvents.filter(
    (event) => event.name === TASK && event.tdur !== undefined && threads.has(place(event)),
  );
  const times = tasks.map(({ tdur }) => tdur / 1000);
  if (times.length < 10) {
    throw new Error(`${times.length} tasks of ${THREAD} and their times: ${times.slice(0, 5)}`);
  }
  return times.reduce((one, other) => Math.max(one, other));
}
