#!/usr/bin/env node
import { runCommandLine } from './run-command-line.ts';
import { createTerminal } from './terminal.ts';

void runCommandLine(process.argv.slice(2), createTerminal());
