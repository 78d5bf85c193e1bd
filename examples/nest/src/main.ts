import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
import { BakeryModule } from "./bakery.module.js";

const app = await NestFactory.create(BakeryModule, { logger: ["error", "warn"] });
await app.listen(process.env.PORT ?? 3000);
