// The parts of `novita-simulator` that the command `novita-webhooks` has, too.
export { CommandError, messageOf } from './errors.ts';
export { EXIT_CODES, type ExitCategory } from './exit-codes.ts';
export type { ProgramDescription } from './create-program.ts';
export { parseHttpUrl, parseInteger, parseJsonObject, parseStatus } from './parse-arguments.ts';
export { runProgram } from './run-program.ts';
export { signUrl, type SigningOptions } from './sign-url.ts';
export { addStartCommand, type StartTexts } from './start.ts';
export { createTerminal, type Terminal } from './terminal.ts';
export { addTriggerCommand, type TriggerSetup } from './trigger.ts';
