#!/usr/bin/env node
// The file that npm links as `novita-simulator`.
import { runCommandLine } from './run-command-line.ts';
import { createTerminal } from './terminal.ts';

void runCommandLine(process.argv.slice(2), createTerminal());
