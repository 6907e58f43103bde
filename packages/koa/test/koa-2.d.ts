declare module 'koa-2' {
  export { default } from 'koa';
}
declare module 'koa-2-14' {
  export { default } from 'koa';
}
