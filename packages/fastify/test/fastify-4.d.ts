declare module 'fastify-4' {
  export { default } from 'fastify';
}
declare module 'fastify-4-17' {
  export { default } from 'fastify';
}
declare module 'fastify-raw-body-4' {
  export { default } from 'fastify-raw-body';
}
