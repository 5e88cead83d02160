/** What the measured taskgate waits for longer than for anybody else: the difference that must be found. */
export const PLANTED_MICROSECONDS = 50;

/** Whose decisions are slower, by the beginning of the user's id. */
export const SLOWED_USER = 'slowed-';
/** As long as the other. */
export const ORDINARY_USER = 'always-';
