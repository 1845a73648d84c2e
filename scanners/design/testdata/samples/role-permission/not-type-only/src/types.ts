export interface Permission {
  id: string;
  read: boolean;
}
