import { authenticatedProcedure, procedure } from '../trpc';
import { ZReject, rejectMeta } from './reject-recipient.types';

export const adminProcedure = procedure.use(async ({ ctx, next }) => next({ ctx }));

export const rejectRecipientRoute = authenticatedProcedure
  .meta(rejectMeta)
  .input(ZReject)
  .mutation(async ({ ctx, input }) => {
    await reject(ctx.user, input.recipientId);
  });
