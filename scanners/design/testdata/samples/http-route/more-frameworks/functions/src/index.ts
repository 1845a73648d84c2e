import { onRequest } from "firebase-functions/v2/https";
export const checkout = onRequest({ cors: true }, async (req, res) => {});
