import type { Request } from 'express';
import type {
  SessionStore,
  SessionStoreContext
} from 'passport-openidconnect';

export class StateStore implements SessionStore {
  private readonly states = new Map<string, SessionStoreContext>();
}
