export async function POST({ cookies, request }) {
  const { theme } = await request.json();
  cookies.set('theme', theme, { path: '/' });
  return new Response();
}
