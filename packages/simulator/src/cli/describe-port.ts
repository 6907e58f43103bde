import { isObject } from '../json.ts';

/** Reasons of a simulator that needs a key. */
const KEY_REASONS = ['MISSING_API_KEY', 'INVALID_API_KEY'];

const TIMEOUT_MS = 2000;

/** Whether a simulator answers at the URL: with its report, or because a key is missing. */
const isSimulator = async (url: string): Promise<boolean> => {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer: unknown = await (await fetch(`${url}/simulator/report`, { signal })).json();
    return (
      isObject(answer) && ('deliveries' in answer || KEY_REASONS.includes(String(answer['reason'])))
    );
  } catch {
    return false;
  }
};

/** Says what to do about a port that is in use. If another simulator has it, the text says how to share it. */
export const describePort = async (port: number): Promise<string> => {
  const url = `http://127.0.0.1:${port}`;
  return (await isSimulator(url))
    ? `port ${port} is in use by another simulator. You can share it: use ${url} as the base URL, and read ` +
        `its report with curl ${url}/simulator/report. For one of your own, pass --port 0.`
    : `port ${port} is in use. Stop the process that listens there, or pass another one with --port.`;
};
