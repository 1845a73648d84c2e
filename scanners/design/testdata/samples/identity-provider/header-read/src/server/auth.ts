export function caller(req: Request) {
  const header = req.headers.authorization;
  return header?.startsWith('Bearer ') ? find(header.slice(7)) : undefined;
}
