import { afterAll, beforeAll } from 'vitest';
import type { Browser } from 'playwright-core';
import { chromium } from 'playwright-core';
import { findOnPath } from './find-on-path.ts';

/** Where Chromium is; undefined if it is not installed. CI says that it must be. */
export const CHROMIUM = findOnPath('chromium', 'chromium-browser', 'google-chrome');

if (CHROMIUM === undefined && process.env['CONSOLE_CHROMIUM'] === 'required') {
  throw new Error('Chromium is required here, and not on the PATH: scripts/install-chromium.sh');
}

/** For the name of a suite that is left out. */
export const WITHOUT_CHROMIUM = CHROMIUM === undefined ? ' (left out: no Chromium; scripts/install-chromium.sh)' : '';

/** A headless Chromium for all tests of a file. */
export function useChromium(): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (CHROMIUM === undefined) return;
    // Root has no sandbox to be in.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });
  afterAll(async () => browser?.close());
  return () => {
    if (browser === undefined) throw new Error('Chromium is not started yet');
    return browser;
  };
}
