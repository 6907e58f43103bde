// The public entry: the exit codes, for programs that start the command.
export { EXIT_CODES, type ExitCategory } from '@novita-webhooks/simulator/cli';
