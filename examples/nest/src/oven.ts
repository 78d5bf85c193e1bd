import { Injectable } from "@nestjs/common";

@Injectable()
export class Oven {
  baked = 0;
}
