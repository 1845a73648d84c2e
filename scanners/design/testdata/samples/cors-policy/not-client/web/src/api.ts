export const get = (url: string) => fetch(url, { mode: 'cors', credentials: 'include' });
