import type { Delivery } from '../delivery.ts';
import { describeDelivery, type RetryPlan } from './describe-delivery.ts';
import type { Terminal } from './terminal.ts';

/** Prints a delivery. `prefix` goes before the line, such as the id of the task. */
export type PrintDelivery = (delivery: Delivery, prefix?: string) => void;

/**
 * Creates a function that prints a delivery: one line, and a line for each thing to check. If that
 * was the same for the delivery before, it is not printed again.
 */
export const createDeliveryPrinter = (
  { print, colour }: Terminal,
  retries: RetryPlan,
): PrintDelivery => {
  let printedAdvice = '';
  return (delivery, prefix = '') => {
    const { acknowledged, subject, answer, next, advice } = describeDelivery(delivery, retries);
    const coloured = colour(acknowledged ? 'green' : 'red', answer);
    const faults = delivery.faults.length === 0 ? '' : ` with ${delivery.faults.join(', ')}`;
    print(`${prefix}${subject}${faults}: ${coloured} (${delivery.durationMs} ms). ${next}`);
    const text = advice.map((line) => `  ${line}`).join('\n');
    if (text !== '' && text !== printedAdvice) print(colour('yellow', text));
    printedAdvice = text;
  };
};
