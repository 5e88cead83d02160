import fc from 'fast-check';

/**
 * What could stand between the parts of a key, looks like a length, is the same to the eye, or in another case, or in
 * another normal form. Each is well-formed, as every text is that gets as far as a key.
 */
// prettier-ignore
export const HOSTILE_PIECES = [
  '', ':', '#', '@', '|', '/', '*', '\n', '\r', '%', '\0', '=', ' ', ',', '"', '\\', '[', '{', '.',
  '0', '1', '2', '4', '12', '1:', '4:', '0:', '1:1', '4:task', ':i', ':n', 'i', 'n', 'id', 'name',
  '%00', '%2A', '=2A', '=00', '=s', '=sentinel/1', '__proto__', 'task', 'tas', 'user', 'tenant', 'resource', 'sentinel',
  'a', 'A', 'k', 'K', '\u212A', 's', 'ſ', 'ß', 'SS', 'İ', 'i\u0307', 'ı', 'é', 'e\u0301', 'Å', '\u212B', 'A\u030A',
  'ﬁ', 'fi', '①', '１', '\u200B', '\u00AD', '\uFEFF', '\u202E', '😀', '👩‍👩‍👧', '\u{10FFFF}',
] as const;

const piece = fc.constantFrom(...HOSTILE_PIECES);
const joint = fc.constantFrom('', ':', '#', '@', '|', '/', '*', '\n', '%', '\0', '1:', '4:', ' ');

/** A text that attacks what joins, folds, normalises or counts; now and then a long one. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('a', ':', '1:', '=', 'é'), fc.integer({ min: 90, max: 520 }), piece)
      .map(([unit, count, end]) => unit.repeat(count) + end),
  },
);

/** One small change of a text: what a fold, a trim or a cut would not see. */
const changes: readonly ((text: string, extra: string, at: number) => string)[] = [
  (text) => text,
  (text) => text.normalize('NFC'),
  (text) => text.normalize('NFD'),
  (text) => text.normalize('NFKC'),
  (text) => text.toLowerCase(),
  (text) => text.toUpperCase(),
  (text) => text.trim(),
  (text, extra) => text + extra,
  (text, extra) => extra + text,
  (text, _, at) =>
    Array.from(text)
      .filter((_character, index) => index !== at % Math.max(1, text.length))
      .join(''),
  (text, extra, at) =>
    Array.from(text)
      .toSpliced(at % (text.length + 1), 0, extra)
      .join(''),
  (text) => encodeURIComponent(text),
  (text) => `${text.length}:${text}`,
];

/** As many parts twice, equal or nearly so: independent ones would hardly ever share a key. */
export function nearParts(count: number): fc.Arbitrary<readonly [readonly string[], readonly string[]]> {
  return fc.oneof(oneChanged(count), swapped(count), cutAtOtherPlaces(count));
}

function oneChanged(count: number): fc.Arbitrary<readonly [readonly string[], readonly string[]]> {
  return fc
    .tuple(
      fc.array(hostileText, { minLength: count, maxLength: count }),
      fc.nat({ max: count - 1 }),
      fc.constantFrom(...changes),
      piece,
      fc.nat({ max: 1_000 }),
    )
    .map(([parts, index, change, extra, at]) => [parts, parts.with(index, change(parts[index] ?? '', extra, at))]);
}

function swapped(count: number): fc.Arbitrary<readonly [readonly string[], readonly string[]]> {
  return fc
    .tuple(
      fc.array(hostileText, { minLength: count, maxLength: count }),
      fc.nat({ max: count - 1 }),
      fc.nat({ max: count - 1 }),
    )
    .map(([parts, a, b]) => [parts, parts.with(a, parts[b] ?? '').with(b, parts[a] ?? '')]);
}

/** One row of pieces, joined by what could be a delimiter, and cut into parts at different places. */
function cutAtOtherPlaces(count: number): fc.Arbitrary<readonly [readonly string[], readonly string[]]> {
  return fc
    .record({
      between: joint,
      pieces: fc.array(piece, { minLength: count, maxLength: count + 4 }),
      cuts: fc.tuple(
        fc.array(fc.nat(), { minLength: count, maxLength: count }),
        fc.array(fc.nat(), { minLength: count, maxLength: count }),
      ),
    })
    .map(({ between, pieces, cuts: [a, b] }) => [cut(pieces, between, count, a), cut(pieces, between, count, b)]);
}

function cut(pieces: readonly string[], between: string, count: number, cuts: readonly number[]): readonly string[] {
  const parts: string[] = [];
  let from = 0;
  for (let part = 0; part < count - 1; part += 1) {
    const most = pieces.length - from - (count - part - 1);
    const to = from + 1 + ((cuts[part] ?? 0) % most);
    parts.push(pieces.slice(from, to).join(between));
    from = to;
  }
  return [...parts, pieces.slice(from).join(between)];
}

/**
 * Parts beside others that are cut out of the very key that is made of them, with up to nine characters left out before
 * each: what can be read out of a key in two ways is found when a part holds a key itself.
 */
export function forgedParts(
  count: number,
  build: (parts: readonly string[]) => unknown,
): fc.Arbitrary<readonly [readonly string[], readonly string[]]> {
  const short = fc.oneof(
    piece,
    fc.string({ unit: fc.constantFrom('0', '1', '2', ':', 'a'), maxLength: 3 }),
    fc.string({ unit: fc.constantFrom('0', '1', 'a'), minLength: 9, maxLength: 11 }),
  );
  const parts = fc.array(short, { minLength: count, maxLength: count });
  const cut = fc.record({
    dropped: fc.oneof(fc.constantFrom(1, 2), fc.nat({ max: 9 })),
    length: fc.oneof(fc.constant('as before' as const), fc.nat({ max: 12 })),
  });
  const cuts = fc.array(cut, { minLength: count, maxLength: count });
  const index = fc.oneof(fc.constant(count - 1), fc.nat({ max: count - 1 }));
  return fc.tuple(parts, parts, index, cuts, fc.boolean()).map(([own, inner, holder, each, holdsKey]) => {
    const holding = holdsKey ? own.with(holder, String(build(inner))) : own;
    const key = String(build(holding));
    let end = key.length;
    const cutOut = each.map(({ dropped, length }, position) => {
      const isFirst = position === count - 1;
      const before = inner[count - 1 - position] ?? '';
      const from = isFirst ? Math.min(end, dropped - 1) : end - (length === 'as before' ? before.length : length);
      const part = key.slice(Math.max(0, from), end);
      end = Math.max(0, from - dropped);
      return part;
    });
    return [holding, cutOut.toReversed()];
  });
}
