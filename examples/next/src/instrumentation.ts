/** Next.js calls it once when the server starts. Events of an earlier run are handled from then on. */
export async function register(): Promise<void> {
  if (process.env['NEXT_RUNTIME'] !== 'nodejs') return;
  const { getReceiver } = await import('./receiver.ts');
  const receiver = getReceiver();
  receiver.start();
  process.once('SIGTERM', () => void receiver.close()); // waits for the handlers that run
}
