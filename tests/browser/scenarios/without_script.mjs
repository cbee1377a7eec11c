// Without JavaScript the page still shows, sorts, filters and leads on.

import { becomes, equal, holds } from '../expect.mjs';
import { names } from '../table.mjs';

export default async function withoutScript(stage) {
  const page = await stage.open('/', { javaScriptEnabled: false });
  equal('all targets', (await names(page)).length, 39);

  await page.click('#targets [data-sort=name]');
  await page.waitForURL(/sort=name/);
  const once = await names(page);
  equal('the order', once, [...once].sort());
  await page.click('#targets [data-sort=name]');
  await page.waitForURL(/order=desc/);
  equal('the other order', await names(page), [...once].reverse());

  await page.fill('#search', 'beta');
  await page.press('#search', 'Enter');
  await page.waitForURL(/q=beta/);
  equal('those of beta', (await names(page)).length, 12);

  await page.fill('#search', '');
  await page.selectOption('#state', 'conflict');
  await page.click('#filters [type=submit]');
  await page.waitForURL(/state=conflict/);
  const again = async () => {
    await page.reload();
    return names(page);
  };
  // On a busy machine some may have timed out just now.
  await becomes('those in conflict', again, ['orders']);

  await page.click('#targets tbody tr[data-target=orders] a');
  await page.waitForURL(/targets\/orders$/);
  const probes = await page.locator('#probes tr[data-probe]').count();
  holds('probes of orders', probes, 'some', (n) => n > 0);
}
