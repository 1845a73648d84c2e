export default async function handler(req, res) {
  const check = await new ApiAuth(db).verifyAuthHeader(req.headers.authorization);
  if (!check.ok) return res.status(401).end();
}
