/** @type {import('next').NextConfig} */
const config = {
  // Loaded from node_modules at run time: libsql has a binary, which a bundle cannot contain.
  serverExternalPackages: ['@novita-webhooks/inbox-sqlite', 'libsql'],
};

export default config;
