/** A few routes that are known at a glance, over the sample data. */
export const TEST_ROUTES: readonly object[] = [
  { match: 'GET /public', public: true },
  { match: 'GET,OPTIONS /tasks/{id}', check: { type: 'task', id: '{id}', operation: 'read' } },
  { match: 'POST,PUT,PATCH /tasks/{id}', check: { type: 'task', id: '{id}', operation: 'update' } },
  { match: 'DELETE /tasks/{id}', check: { type: 'task', id: '{id}', operation: 'delete' } },
  { match: 'GET /messages/{id}', check: { type: 'message', id: '{id}', operation: 'read' } },
  {
    match: 'POST /rpc',
    json_rpc: { 'message/send': { type: 'task', id: '{params.task_id}', operation: 'update' } },
  },
];

/** The headers that name a principal for a gateway which is trusted to set them. */
export const TEST_PRINCIPAL_HEADERS = {
  user_id: 'x-user-id',
  service_account_id: 'x-service-account-id',
  agent_id: 'x-agent-id',
  account_id: 'x-account-id',
} as const;

/** The claims that name a principal. */
export const TEST_CLAIMS = { user_id: 'sub', account_id: 'account_id' } as const;

const TEST_GATEWAY = {
  routes: TEST_ROUTES,
  principal: { from: ['headers', 'claims'], headers: TEST_PRINCIPAL_HEADERS, claims: TEST_CLAIMS },
};

/** The configuration of a taskgate with those routes and principals, beside other settings. */
export function gatewayYaml({
  gateway,
  ...others
}: { readonly gateway?: object; readonly [key: string]: unknown } = {}): string {
  return JSON.stringify({ ...others, gateway: { ...TEST_GATEWAY, ...gateway } });
}
