export const AriaRole = {
  Menu: 'menu',
  Banner: 'banner',
};
