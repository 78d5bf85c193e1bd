import { Module } from "@nestjs/common";
import { LoavesController } from "./loaves.controller.js";
import { Oven } from "./oven.js";

@Module({ controllers: [LoavesController], providers: [Oven] })
export class BakeryModule {}
