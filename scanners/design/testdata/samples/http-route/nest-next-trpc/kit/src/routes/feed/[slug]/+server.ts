export const GET = async ({ params }) => new Response(params.slug);
