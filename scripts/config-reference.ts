import { writeFile } from 'node:fs/promises';
import { loadReference } from './config-reference/load-reference.ts';

// Writes docs/configuration.md. A test fails where it is not what this would write.

await writeFile(new URL('../docs/configuration.md', import.meta.url), await loadReference());
