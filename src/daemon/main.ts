#!/usr/bin/env node
import { runDaemon } from './command.js';
import { DataPlane } from './data-plane/data-plane.js';

process.exitCode = await runDaemon(process.argv.slice(2), (options) => DataPlane.start(options));
