/**
 * Reads pages in order, and the next one while the last is used. `nextOf` gives the position after a page, or undefined
 * after the last.
 */
export async function* readAhead<Page, Position>(
  start: Position,
  read: (position: Position) => Promise<Page>,
  nextOf: (page: Page) => Position | undefined,
): AsyncGenerator<Page, void, undefined> {
  let reading: Promise<Page> | undefined = read(start);
  while (reading !== undefined) {
    const page: Page = await reading;
    const next = nextOf(page);
    reading = next === undefined ? undefined : read(next);
    // Whoever stops early does not wait for it.
    reading?.catch(() => undefined);
    yield page;
  }
}
