const s = document.createElement('script');
s.src = 'https://chat.vendor.dev/w.js';
document.head.append(s);
