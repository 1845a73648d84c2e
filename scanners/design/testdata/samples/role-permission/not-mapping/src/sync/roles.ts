export const LOCAL_TO_CRM_ROLE = {
  OWNER: 'ADMIN',
  VIEWER: 'READ_ONLY',
};
