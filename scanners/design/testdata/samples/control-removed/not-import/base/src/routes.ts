import { requireAuth } from './auth';
import { requireAdmin } from './auth';

router.use(requireAuth, requireAdmin);
