import { open, rename } from 'node:fs/promises';

/** Replaces a file whole: whoever reads it, and whenever this is killed, sees the old text or the new. */
export async function writeFileAtomic(path: string, text: string): Promise<void> {
  // Always the same name, so that what a killed process leaves is overwritten.
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
