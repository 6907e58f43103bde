declare module 'express-4' {
  export { default } from 'express';
}
declare module 'express-4-18' {
  export { default } from 'express';
}
