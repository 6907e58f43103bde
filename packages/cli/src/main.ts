#!/usr/bin/env node
// The file that npm links as `novita-webhooks`.
import { runCommandLine } from './run-command-line.ts';
import { createConsole } from './terminal/console.ts';

void runCommandLine(process.argv.slice(2), createConsole());
