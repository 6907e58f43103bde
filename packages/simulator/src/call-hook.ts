/** Calls a function that the user passed. An error that it throws becomes a process warning. */
export const callHook = <T>(hook: (value: T) => void, value: T): void => {
  try {
    hook(value);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
};
