import { createTRPCRouter, protectedProcedure } from "~/server/api/trpc";

export const invoiceRouter = createTRPCRouter({
  byId: protectedProcedure.input(z.object({ id: z.string() })).query(({ ctx }) => null),
  pay: protectedProcedure
    .input(z.object({ id: z.string() }))
    .mutation(async () => null),
});
