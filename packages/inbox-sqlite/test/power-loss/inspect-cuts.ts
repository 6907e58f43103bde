import { createRandom } from '../../../../test/support/random.ts';
import { createChecker } from './checker.ts';
import { allowsDeletion, chooseCuts, type Cut } from './cuts.ts';
import { createDisk } from './disk.ts';
import { inspectImage, type Finding } from './inspect-image.ts';
import { cutPower, variants, type Variant } from './power-cut.ts';
import type { StoreName } from './stores-under-test.ts';
import type { Operation } from './trace.ts';

export interface InspectOptions {
  readonly store: StoreName;
  /** Number of cuts inside runs of writes; those at boundaries are always made. */
  readonly cuts: number;
  readonly seed: number;
  /** Number of variants besides `none` per cut. */
  readonly others: number;
  /** This process inspects every `shares`th cut, starting with this one. */
  readonly share: number;
  readonly shares: number;
  /** Number of images of this share that are already inspected. */
  readonly done: number;
  /** Folder for the images. */
  readonly folder: string;
}

/** Reported before and after an image is inspected, because that may end the process. */
export interface Inspection {
  readonly cut: Cut;
  readonly variant: Variant;
  readonly finding?: Finding;
}

/** Replays a trace and cuts the power at many positions. */
export async function inspectCuts(
  operations: readonly Operation[],
  options: InspectOptions,
  report: (inspection: Inspection) => void,
): Promise<void> {
  const { folder, store } = options;
  const cuts = chooseCuts(operations, options.cuts, options.seed);
  const { next: toss } = createRandom(options.seed);
  const disk = createDisk((changes) => (toss() < 0.5 ? [] : changes.filter(() => toss() < 0.5)));
  const checker = createChecker();
  let applied = 0;
  let count = 0;
  for (const [index, cut] of cuts.entries()) {
    for (const operation of operations.slice(applied, cut)) {
      disk.apply(operation);
      if (operation.kind === 'ack') checker.read(operation.line);
    }
    applied = cut;
    if (index % options.shares !== options.share) continue;
    const isLast = isLastWithThisDisk(operations, cut, cuts[index + 1]);
    for (const variant of variantsAt(cut, isLast, options)) {
      count += 1;
      if (count <= options.done) continue;
      report({ cut, variant });
      const seed = options.seed * 1_000_003 + cut * 7 + variants.indexOf(variant);
      const image = cutPower(disk, variant, createRandom(seed).next);
      report({ cut, variant, finding: await inspectImage(folder, image, variant, store, checker) });
    }
  }
}

/** Returns whether the next cut gives another result if no unsynced change survives. */
function isLastWithThisDisk(
  operations: readonly Operation[],
  cut: Cut,
  next: Cut | undefined,
): boolean {
  return operations
    .slice(cut, next)
    .some(
      (step) =>
        /^sync (end|failed)$/.test(step.kind) || (step.kind === 'ack' && allowsDeletion(step.line)),
    );
}

function variantsAt(cut: Cut, isLast: boolean, options: InspectOptions): readonly Variant[] {
  const others = variants.filter((variant) => variant !== 'none');
  const first = Math.floor(createRandom(options.seed + cut).next() * others.length);
  const chosen = [...others, ...others].slice(first, first + options.others);
  return isLast ? ['none', ...chosen] : chosen;
}
