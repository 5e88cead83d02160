/** Why nothing could be explained, in words for people. */
export class ExplainFault extends Error {}
