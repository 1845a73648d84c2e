import Script from 'next/script';
export default function Layout() {
  return <Script
    src="https://plausible.vendor.io/js/script.js"
    strategy="lazyOnload" />;
}
