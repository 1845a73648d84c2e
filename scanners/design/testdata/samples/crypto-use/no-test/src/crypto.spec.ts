import { createHmac } from 'crypto';
test('x', () => createHmac('sha256', 'k'));
