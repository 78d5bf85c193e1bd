/** How values get to the child that asks the app's schemas of them: in its environment, which is on no disk. */

/** In front of each name, so that no value means anything to Bun. */
export const checkedPrefix = "LEVAIN_CHECK_";

/** In an artifact: the config as one file, for its schemas. */
export const schemasFile = "levain-env-schemas.js";
