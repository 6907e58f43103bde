import { chooseCuts, takesBack, type Cut } from './cuts.ts';
import { createDisk } from './disk.ts';
import { inspect, type Finding } from './inspect-image.ts';
import { createLedger } from './checker.ts';
import { cutPower, variants, type Variant } from './power-cut.ts';
import { createRandom } from './random.ts';
import type { SubjectName } from './stores-under-test.ts';
import type { Operation } from './trace.ts';

export interface SurveyOptions {
  readonly subject: SubjectName;
  /** Cuts within runs of writes; those at turning points are always made. */
  readonly cuts: number;
  readonly seed: number;
  /** How many variants besides `none` are tried at every cut. */
  readonly others: number;
  /** This process does every `shares`th cut, beginning with this one. */
  readonly share: number;
  readonly shares: number;
  /** So many disks of this share have been looked at. */
  readonly done: number;
  /** Where disks are put together. */
  readonly folder: string;
}

/** A line of an inspector: before and after it looks at a disk, since it may not survive that. */
export interface Look {
  readonly cut: Cut;
  readonly variant: Variant;
  readonly finding?: Finding;
}

/** Replays a trace, and cuts the power again and again. */
export async function survey(
  operations: readonly Operation[],
  options: SurveyOptions,
  say: (look: Look) => void,
): Promise<void> {
  const cuts = chooseCuts(operations, options.cuts, options.seed);
  const fate = createRandom(options.seed);
  const disk = createDisk((changes) => (fate() < 0.5 ? [] : changes.filter(() => fate() < 0.5)));
  const ledger = createLedger();
  let applied = 0;
  let looks = 0;
  for (const [index, cut] of cuts.entries()) {
    for (const operation of operations.slice(applied, cut)) {
      disk.apply(operation);
      if (operation.kind === 'ack') ledger.read(operation.line);
    }
    applied = cut;
    if (index % options.shares !== options.share) continue;
    const isLast = isLastWithItsDisk(operations, cut, cuts[index + 1]);
    for (const variant of variantsAt(cut, isLast, options)) {
      looks += 1;
      if (looks <= options.done) continue;
      say({ cut, variant });
      const random = createRandom(options.seed * 1_000_003 + cut * 7 + variants.indexOf(variant));
      const image = cutPower(disk, variant, random);
      const { folder, subject } = options;
      say({ cut, variant, finding: await inspect(folder, image, variant, subject, ledger) });
    }
  }
}

/** Whether the next cut would find something else if nothing unsynced survives. */
function isLastWithItsDisk(
  operations: readonly Operation[],
  cut: Cut,
  next: Cut | undefined,
): boolean {
  return operations
    .slice(cut, next)
    .some(
      (step) =>
        /^sync (end|failed)$/.test(step.kind) || (step.kind === 'ack' && takesBack(step.line)),
    );
}

function variantsAt(cut: Cut, isLast: boolean, options: SurveyOptions): readonly Variant[] {
  const others = variants.filter((variant) => variant !== 'none');
  const first = Math.floor(createRandom(options.seed + cut)() * others.length);
  const chosen = [...others, ...others].slice(first, first + options.others);
  return isLast ? ['none', ...chosen] : chosen;
}
