import { createCipheriv, createHash, createHmac } from 'node:crypto';

export function seal(key: Buffer, iv: Buffer) {
  return createCipheriv('aes-256-gcm', key, iv);
}
export const sign = (key: string, body: string) => createHmac('sha256', key).update(body).digest('hex');
export const etag = (body: string) => createHash('sha1').update(body).digest('hex');
