import { scenes, type Scene, type SceneName } from './fixtures.ts';

/** What of a server's addresses the tests use: `/plain/webhooks`, `/plain/handled`, … */
export interface Address {
  readonly name: SceneName;
  readonly scene: Scene;
  readonly what: string;
}

export function readAddress(url: string): Address | undefined {
  const [, name = '', what = ''] = new URL(url, 'http://localhost').pathname.split('/');
  return isSceneName(name) ? { name, scene: scenes[name], what } : undefined;
}

function isSceneName(name: string): name is SceneName {
  return Object.hasOwn(scenes, name);
}

/** What the tests cannot see from outside, or ask of a receiver in their own process. */
export async function control({ scene, what }: Address): Promise<string> {
  const { receiver, handled } = scene;
  if (what === 'handled') return JSON.stringify(handled);
  if (what === 'callback') {
    return JSON.stringify(await receiver.createCallbackUrl({ metadata: { from: 'the runtime' } }));
  }
  if (what === 'replies') return JSON.stringify((await receiver.stats()).replies);
  if (what === 'close') await receiver.close({ gracePeriodMs: 100 });
  return 'null';
}
