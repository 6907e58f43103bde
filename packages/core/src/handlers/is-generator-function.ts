/** Whether a call only creates a generator: the body would never run, and would count as succeeded. */
export function isGeneratorFunction(value: unknown): boolean {
  return Object.prototype.toString.call(value).includes('Generator');
}
