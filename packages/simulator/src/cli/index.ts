// The parts of `novita-simulator` that the command `novita-webhooks` has, too.
export { createProgram, isCommanderError, type ProgramDescription } from './create-program.ts';
export { parseHttpUrl, parseInteger, parseJsonObject } from './parse-arguments.ts';
export { createTerminal, type Terminal } from './terminal.ts';
