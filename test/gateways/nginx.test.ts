import { describeGateway } from './gateway-suite.ts';

describeGateway('nginx', { faultStatuses: [500] });
