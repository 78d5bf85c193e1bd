export const count = { baked: 0 };
