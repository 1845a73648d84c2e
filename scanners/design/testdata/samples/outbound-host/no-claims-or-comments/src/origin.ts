const allowedOrigins = ['https://app.provider.eu'];
export const same = (o: string) => o === 'https://app.provider.eu';
fetch('/local');
