export enum MessageRole {
  User = 'user',
  Assistant = 'assistant',
}

export type Role = 'user' | 'assistant' | 'system';
