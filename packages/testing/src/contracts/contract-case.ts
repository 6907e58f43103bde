/** One requirement of a contract, as a test that any implementation can run. */
export interface ContractCase<Subject> {
  /** `<operation>: <observable behaviour>`. Unique within a contract. */
  readonly name: string;
  /** Returns why the case does not apply to a subject, or `undefined` if it applies. */
  readonly skip?: (subject: Subject) => string | undefined;
  /** Rejects if the subject breaks the requirement. */
  readonly run: (subject: Subject) => Promise<void>;
}

/**
 * Runs one case on a fresh subject. Works with any test runner.
 *
 * @param contractCase a case of `storeContract`, `inboxContract`, `adapterContract` or
 * `addOnlyContract`
 * @param open creates a fresh, empty subject
 * @param close releases the subject; also called if the case fails or is skipped
 * @param skip the test runner's way to skip a test; called with the reason
 * @throws the error of `open`, of `close`, or the `AssertionError` of the broken requirement
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
  } catch (error) {
    await close(subject).catch(() => undefined); // the first error tells more
    throw error;
  }
  await close(subject);
}
