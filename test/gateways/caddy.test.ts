import { describeGateway } from './gateway-suite.ts';

describeGateway('caddy', { faultStatuses: [502, 503, 504] });
