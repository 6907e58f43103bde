import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';

import { AppModule } from './app.module.ts';

const { HOST = '127.0.0.1', PORT = '3000' } = process.env;

// rawBody: Nest parses JSON before every middleware. The inbox then stores what Novita sent.
const app = await NestFactory.create(AppModule, { rawBody: true });
app.enableShutdownHooks(); // without it, SIGTERM ends the process before the receiver is closed
await app.listen(Number(PORT), HOST);
console.log(`listening at http://${HOST}:${PORT}`);
