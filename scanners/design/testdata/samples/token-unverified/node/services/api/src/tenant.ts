import jwt from 'jsonwebtoken';

export function tenantOf(token: string) {
  return (jwt.decode(token) as { tenant: string }).tenant;
}
