import * as bcrypt from 'bcrypt';

export const protect = (password: string) => bcrypt.hash(password, 12);
