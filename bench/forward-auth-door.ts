// The door that is measured, over decisions that cost nothing.
import { startGatewayTaskgate } from '../test/support/gateway-taskgate.ts';

const gate = await startGatewayTaskgate({ defaultTimeoutMs: 2_000 });
process.stdout.write(`${JSON.stringify({ http: gate.address })}\n`);
