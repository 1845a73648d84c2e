import argon2 from 'argon2';

export const same = (hash: string, plain: string) => argon2.verify(hash, plain);
export const jwtName = 'jwt.sign(';
