export const load = () => ({ bread: "rye" });
