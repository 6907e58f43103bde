/**
 * Gives the warnings of this process to a function instead of printing them across the screen. Returns a
 * function that ends this.
 */
export const catchWarnings = (listener: (message: string) => void): (() => void) => {
  const printers = process.listeners('warning');
  const listen = ({ name, message }: Error): void => listener(`${name}: ${message}`);
  process.removeAllListeners('warning').on('warning', listen);
  return () => {
    process.off('warning', listen);
    for (const printer of printers) process.on('warning', printer);
  };
};
