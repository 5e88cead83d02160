import { describeGateway } from './gateway-suite.ts';

describeGateway('haproxy', { faultStatuses: [503] });
