import { router } from '../trpc';
import { rejectRecipientRoute } from './reject-recipient';

export const envelopeRouter = router({
  recipient: { reject: rejectRecipientRoute },
});
