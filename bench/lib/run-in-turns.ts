/**
 * Runs `measure` for all subjects in each round. Every other round goes backwards: a disturbance of
 * the machine then affects all subjects alike.
 */
export async function runInTurns<T>(
  rounds: number,
  subjects: readonly T[],
  measure: (subject: T) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      await measure(subject);
    }
  }
}
