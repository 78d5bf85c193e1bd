import { count } from "../utils/loaves.js";

export default defineEventHandler(() => ({ baked: count.baked }));
