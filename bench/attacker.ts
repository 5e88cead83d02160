// One of the attacks, until the parent is gone or says so: `node attacker.ts <name> <grpc address> <http address>`.
import { ATTACKS } from '../test/support/attacks.ts';

const [name = '', grpc = '', http = ''] = process.argv.slice(2);
const attack = ATTACKS[name];
if (attack === undefined) throw new Error(`no attack is called ${name}`);
attack({ grpc, http });
process.stdout.write('begun\n');
process.once('SIGTERM', () => process.exit(0));
process.once('disconnect', () => process.exit(0));
