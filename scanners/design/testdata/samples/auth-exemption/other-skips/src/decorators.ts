export const Public = () => SetMetadata("public", true);
