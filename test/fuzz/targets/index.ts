import type { FuzzTarget } from '../target.ts';
import { AUTHZEN_TARGETS } from './authzen.ts';
import { CONFIG_TARGETS } from './config.ts';
import { EXT_AUTHZ_TARGETS } from './ext-authz.ts';
import { ID_TARGETS } from './ids.ts';
import { PACKED_TARGETS } from './packed.ts';
import { PRINCIPAL_TARGETS } from './principals.ts';
import { REQUEST_TARGETS } from './requests.ts';
import { ROUTE_TARGETS } from './routes.ts';
import { SIGNED_TARGETS } from './signed.ts';
import { SPICEDB_TARGETS } from './spicedb.ts';

/** Every parser of bytes from outside. */
export const TARGETS: readonly FuzzTarget[] = [
  ...ID_TARGETS,
  ...SIGNED_TARGETS,
  ...PRINCIPAL_TARGETS,
  ...CONFIG_TARGETS,
  ...REQUEST_TARGETS,
  ...PACKED_TARGETS,
  ...ROUTE_TARGETS,
  ...AUTHZEN_TARGETS,
  ...EXT_AUTHZ_TARGETS,
  ...SPICEDB_TARGETS,
];

/** What shows that something would be found: each finds fault with inputs that few mutations away are made of its seed. */
export const CONTROLS: readonly FuzzTarget[] = [
  {
    name: 'control-crash',
    seeds: [Buffer.from('a good input')],
    run(input) {
      if (input[0] !== 'a'.codePointAt(0) && input.length > 8) throw new RangeError('planted');
      return 'ok';
    },
  },
  {
    name: 'control-hang',
    seeds: [Buffer.from('a good input')],
    run(input) {
      while (input[0] !== 'a'.codePointAt(0) && input.length > 8);
      return 'ok';
    },
  },
  {
    name: 'control-async-hang',
    seeds: [Buffer.from('a good input')],
    async run(input) {
      if (input[0] !== 'a'.codePointAt(0) && input.length > 8) await new Promise(() => undefined);
      return 'ok';
    },
  },
];
