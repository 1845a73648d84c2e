export const projectScopes = ['x'];
export const API_SCOPES = {
  readInvoices: 'invoices:read',
  writeInvoices: 'invoices:write',
} as const;
