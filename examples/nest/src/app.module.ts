import {
  Inject,
  Module,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Receiver } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/express';

import { ImagesController } from './images.controller.ts';
import { createAppReceiver, RECEIVER } from './receiver.ts';

@Module({
  controllers: [ImagesController],
  providers: [{ provide: RECEIVER, useFactory: createAppReceiver }],
})
export class AppModule implements NestModule, OnApplicationShutdown {
  readonly #receiver: Receiver;

  constructor(@Inject(RECEIVER) receiver: Receiver) {
    this.#receiver = receiver;
  }

  /** A middleware: guards, pipes and interceptors for users do not apply to Novita. */
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(novitaWebhooks(this.#receiver)).forRoutes('webhooks/novita');
  }

  /** Nest calls it after the server has closed its connections. Waits for the handlers that run. */
  async onApplicationShutdown(): Promise<void> {
    await this.#receiver.close();
  }
}
