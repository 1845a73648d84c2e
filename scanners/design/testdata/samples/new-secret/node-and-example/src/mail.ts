const key = process.env.SENDGRID_API_KEY ?? '';
const level = process.env.LOG_LEVEL;
