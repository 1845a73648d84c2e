export const posts = router({
  latest: publicProcedure.query(() => []),
});
