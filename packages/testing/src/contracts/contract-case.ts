/** One promise, as a test that any implementation can be put to. */
export interface ContractCase<Subject> {
  readonly name: string;
  /** Why this case does not apply to a subject; `undefined` when it does. */
  readonly skip?: (subject: Subject) => string | undefined;
  /** Rejects when the promise is broken. */
  readonly run: (subject: Subject) => Promise<void>;
}

/**
 * Puts a subject to a case, and skips it with a reason that people can read.
 *
 * @param open makes a fresh subject
 * @param close is called whatever happened
 * @param skip your test runner's way to skip, called with the reason
 * @example
 * for (const contractCase of storeContract) {
 *   test(contractCase.name, ({ skip }) => runCase(contractCase, open, close, skip));
 * }
 */
export async function runCase<Subject>(
  contractCase: ContractCase<Subject>,
  open: () => Subject | Promise<Subject>,
  close: (subject: Subject) => Promise<void>,
  skip: (reason: string) => void,
): Promise<void> {
  const subject = await open();
  try {
    const reason = contractCase.skip?.(subject);
    if (reason === undefined) await contractCase.run(subject);
    else skip(reason);
  } finally {
    await close(subject);
  }
}
