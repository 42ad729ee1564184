#!/usr/bin/env node
import { runCommand } from './command.js';
import { processTerminal } from './terminal.js';

// What was written must reach a slow reader, so the process ends by itself.
process.exitCode = await runCommand(process.argv.slice(2), processTerminal());
