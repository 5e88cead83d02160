/** What is measured has a core to itself; the load and the stores share the other. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
