/** How far an account has come with a type: `off` asks nobody, `shadow` decides beside the legacy rule, `enforce` answers. */
export const ENFORCEMENTS = ['enforce', 'shadow', 'off'] as const;

export type Enforcement = (typeof ENFORCEMENTS)[number];

/** Whether the relationships of an account's resources of a type are written. */
export const DUAL_WRITES = ['on', 'off'] as const;

export type DualWrite = (typeof DUAL_WRITES)[number];

/** What the application's own rule says. */
export const LEGACY_ANSWERS = ['allow', 'deny'] as const;

export type LegacyAnswer = (typeof LEGACY_ANSWERS)[number];

/** How what was decided in shadow stands to what was answered. A closed set, so that it can label a counter. */
export type Difference =
  'both_allow' | 'both_deny' | 'legacy_allow_we_deny' | 'legacy_deny_we_allow' | 'could_not_tell';

/** `decided` is undefined where it could not be told. */
export function compareToLegacy(legacy: LegacyAnswer, decided: LegacyAnswer | undefined): Difference {
  if (decided === undefined) return 'could_not_tell';
  if (legacy === decided) return legacy === 'allow' ? 'both_allow' : 'both_deny';
  return legacy === 'allow' ? 'legacy_allow_we_deny' : 'legacy_deny_we_allow';
}
