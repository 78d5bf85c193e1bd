import { Controller, Get, Post } from "@nestjs/common";
import { Oven } from "./oven.js";

@Controller()
export class LoavesController {
  constructor(private readonly oven: Oven) {}

  @Get()
  page() {
    return "<h1>Fresh wheat from NestJS</h1>";
  }

  @Get("api/loaves")
  loaves() {
    return { baked: this.oven.baked };
  }

  @Post("api/loaves")
  bake() {
    this.oven.baked += 1;
    return { baked: this.oven.baked };
  }
}
