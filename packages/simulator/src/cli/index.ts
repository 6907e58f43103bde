// The parts of `novita-simulator` that the command `novita-webhooks` has, too.
export { CommandError, messageOf } from './errors.ts';
export { EXIT_CODES, type ExitCategory } from './exit-codes.ts';
export type { ProgramDescription } from './create-program.ts';
export { describeDelivery, type DeliveryReport, type RetryPlan } from './describe-delivery.ts';
export { parseHttpUrl, parseInteger, parseJsonObject, parseStatus } from './parse-arguments.ts';
export { redactAddresses } from '../redact.ts';
export { decodeText, describeFileError, readText } from './read-text.ts';
export { runProgram } from './run-program.ts';
export { requireSecret, signUrl, type SigningOptions } from './sign-url.ts';
export { addStartCommand, type SimulatorView, type StartSetup } from './start.ts';
export { createTerminal, type Colour, type Terminal } from './terminal.ts';
export { addTriggerCommand, type TriggerSetup } from './trigger.ts';
