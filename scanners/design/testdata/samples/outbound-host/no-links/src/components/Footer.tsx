const HELP_URL = 'https://help.vendor.dev';
export const Footer = () => <a href="https://www.vendor.dev/terms">Terms</a>;
