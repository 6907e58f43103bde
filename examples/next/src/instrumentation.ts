/** Next.js calls it once when the server starts. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME === 'nodejs') {
    const { startReceiver } = await import('./receiver.ts');
    startReceiver();
  }
}
