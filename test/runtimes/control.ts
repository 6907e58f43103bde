import { fixtures, type Fixture, type FixtureName } from './fixtures.ts';

/** A parsed path: `/plain/webhooks`, `/plain/handled`, … */
export interface Address {
  readonly name: FixtureName;
  readonly fixture: Fixture;
  readonly what: string;
}

export function readAddress(url: string): Address | undefined {
  const [, name = '', what = ''] = new URL(url, 'http://localhost').pathname.split('/');
  return isFixtureName(name) ? { name, fixture: fixtures[name], what } : undefined;
}

function isFixtureName(name: string): name is FixtureName {
  return Object.hasOwn(fixtures, name);
}

/** Runs a command of the tests on the receiver in this process. Resolves to JSON. */
export async function control({ fixture, what }: Address): Promise<string> {
  const { receiver, handled, aborted } = fixture;
  if (what === 'handled') return JSON.stringify(handled);
  if (what === 'aborted') return JSON.stringify(aborted);
  if (what === 'callback') {
    return JSON.stringify(await receiver.createCallbackUrl({ metadata: { from: 'the runtime' } }));
  }
  if (what === 'replies') return JSON.stringify((await receiver.stats()).replies);
  if (what === 'close') await receiver.close({ gracePeriodMs: 100 });
  return 'null';
}
