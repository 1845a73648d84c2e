export const publicUrls = { docs: "https://docs.example.com" };
export const whitelist = ["example.com", "jpg"];
export const publicMethods = ["get", "set"];
export const exemptPaths = ["/static/app.js", "/favicon.ico"];
