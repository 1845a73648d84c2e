export const options = { rejectUnauthorized: true };
// { rejectUnauthorized: false }
