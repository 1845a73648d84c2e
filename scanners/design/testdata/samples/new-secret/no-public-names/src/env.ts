export const a = process.env.NEXT_PUBLIC_MAPS_API_KEY;
export const b = process.env.STRIPE_PUBLISHABLE_KEY;
export const c = process.env.TOKEN_URL;
