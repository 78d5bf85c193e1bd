import { count } from "../utils/loaves.js";

export default defineEventHandler((event) => {
  count.baked += 1;
  setResponseStatus(event, 201);
  return { baked: count.baked };
});
