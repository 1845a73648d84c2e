import { createHash } from 'node:crypto';

export const etag = (body: Buffer) => createHash('sha256').update(body).digest('hex');
