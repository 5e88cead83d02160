import { readFile, writeFile } from 'node:fs/promises';
import { formatFaultTable, replaceFaultTable } from '../test/faults/matrix/fault-table.ts';
import type { GroupResult } from '../test/faults/matrix/run-group.ts';

// Writes the table of faults survived into ARCHITECTURE.md, from what the last run of the fault matrix found.

const results = new URL('../.cache/fault-matrix.json', import.meta.url);
const architecture = new URL('../ARCHITECTURE.md', import.meta.url);

const groups = JSON.parse(await readFile(results, 'utf8')) as readonly GroupResult[];
const document = replaceFaultTable(await readFile(architecture, 'utf8'), formatFaultTable(groups));
await writeFile(architecture, document);
