import { requireAdmin, requireAuth } from './auth';

router.use(requireAuth, requireAdmin);
