import type { RequestHook } from "levain/hooks";

export const onRequest: RequestHook = async () => {};
