/** The branch that is production. Its URL has no label. */
export const PRODUCTION_BRANCH = "main";
